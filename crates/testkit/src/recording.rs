//! Plays recordings: stereo Ogg Opus (RFC 7845), read by other code than writes them.

use std::io::Cursor;

use ogg::PacketReader;
use opus::{Channels, Decoder};

/// Samples per channel of the longest Opus packet, 120 ms at 48 kHz (RFC 6716, section 3.2.5).
const LONGEST: usize = 5_760;

/// Left and right, at 48 kHz, without the decoder's lead-in.
///
/// # Panics
/// If the bytes are not a stereo Ogg Opus file. It may end anywhere after its two headers.
pub fn play(bytes: &[u8]) -> (Vec<i16>, Vec<i16>) {
    let mut reader = PacketReader::new(Cursor::new(bytes));
    let mut header = |magic: &[u8]| {
        let packet = reader.read_packet_expected().expect("a header").data;
        assert!(packet.starts_with(magic), "{packet:?}");
        packet
    };
    let head = header(b"OpusHead\x01\x02");
    header(b"OpusTags");
    let pre_skip = usize::from(u16::from_le_bytes([head[10], head[11]]));
    let mut decoder = Decoder::new(48_000, Channels::Stereo).expect("a decoder");
    let (mut left, mut right, mut end) = (vec![], vec![], 0);
    while let Ok(Some(packet)) = reader.read_packet() {
        let mut out = vec![0i16; 2 * LONGEST];
        let samples = decoder.decode(&packet.data, &mut out, false);
        let out = &out[..2 * samples.expect("an Opus packet")];
        left.extend(out.iter().step_by(2));
        right.extend(out.iter().skip(1).step_by(2));
        end = packet.absgp_page() as usize;
    }
    for voice in [&mut left, &mut right] {
        voice.truncate(end);
        voice.drain(..pre_skip);
    }
    (left, right)
}
