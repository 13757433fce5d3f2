//! Audio, and connection setup.

use std::io::Cursor;
use std::time::Duration;

use livekit::webrtc::fuzz;
use livekit::webrtc::session_description::{SdpType, SessionDescription};
use sidetone_base::audio::wav as wav_file;
use sidetone_base::clock;
use sidetone_intake::recorded::{Format, LONGEST, decode};

use super::text;

pub const WEBM: &[&[u8]] = &[
    b"\x1A\x45\xDF\xA3",
    b"\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
    b"\x1F\x43\xB6\x75\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
    b"\xA3\x85\x81\0\0\x80",
    b"\xA3\x85\x81\0\0\x04\xFF",
    b"\xA0\x87\xA1\x85\x81",
    b"\xBF\x84\0\0\0\0",
    b"\xEC\x81\0",
];
pub const MP4: &[&[u8]] = &[
    b"moov",
    b"trak",
    b"moof",
    b"traf",
    b"tfhd",
    b"trun",
    b"mdat",
    b"trex",
    b"esds",
    b"mp4a",
    b"Opus",
    b"\0\0\0\x01",
    b"\0\0\0\x08",
];
pub const WAV: &[&[u8]] = &[
    b"RIFF\xFF\xFF\xFF\xFFWAVE",
    b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0",
    b"fmt \x10\0\0\0\x03\0\xFF\xFF",
    b"LIST\xFF\xFF\xFF\xFF",
    b"data\0\0\0\0",
];
pub const SDP: &[&[u8]] = &[
    b"v=0\r\n",
    b"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
    b"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    b"a=mid:0\r\n",
    b"a=group:BUNDLE 0 1\r\n",
    b"a=rtpmap:111 opus/48000/2\r\n",
    b"a=fmtp:111 minptime=10;useinbandfec=1\r\n",
    b"a=candidate:1 1 udp 2130706431 10.0.0.1 7882 typ host\r\n",
    b"a=ice-ufrag:abcd\r\n",
    b"a=fingerprint:sha-256 ",
    b"a=setup:actpass\r\n",
    b"a=msid:stream track\r\n",
    b"a=sctp-port:5000\r\n",
];

/// The trailer by which a room's server marks its own packets.
const SERVERS: &[u8] = b"LKSERVER";
pub const ENCRYPTED: &[&[u8]] = &[SERVERS, b"\xF8\xFF\xFE", b"\x0C\0"];

fn recorded(mime: &str, rate: u32, channels: u32, bytes: &[u8]) {
    let format = Format {
        mime: mime.into(),
        rate,
        channels,
    };
    if let Ok(sound) = decode(&format, bytes) {
        assert!(sound.duration() <= LONGEST, "{:?}", sound.duration());
    }
}

pub fn webm(input: &[u8]) {
    recorded("audio/webm;codecs=opus", 48_000, 1, input);
}

pub fn mp4(input: &[u8]) {
    recorded("audio/mp4", 48_000, 1, input);
}

/// The client declares the format of its recording.
pub fn pcm(input: &[u8]) {
    let Some((says, samples)) = input.split_at_checked(5) else {
        return;
    };
    let rate = u32::from_le_bytes([says[0], says[1], says[2], says[3]]);
    recorded("audio/pcm", rate, says[4].into(), samples);
}

/// The remains of a killed writer: the result is no longer than the file.
pub fn ogg(input: &[u8]) {
    if let Ok(written) = sidetone_recording::ogg::measure(Cursor::new(input)) {
        assert!(written.bytes <= input.len() as u64, "{written:?}");
    }
}

/// As a file and as the beginning of a body; both give the same result.
pub fn wav(input: &[u8]) {
    let parsed = wav_file::parse::<24_000>(input);
    let head = wav_file::head(input);
    if let Ok(sound) = &parsed {
        assert!(sound.len() <= 24 * input.len() + 6_000);
        let head = head.expect("a file has a head").expect("all of it");
        assert!(head.at <= input.len() && head.layout.frame() > 0);
    }
}

pub fn description(input: &[u8]) {
    let sdp = text(input);
    let sections = fuzz::description(&sdp);
    assert!(sections <= sdp.lines().count());
    for kind in [SdpType::Offer, SdpType::Answer] {
        if let Ok(description) = SessionDescription::parse(&sdp, kind) {
            assert_eq!(description.to_string(), sdp);
        }
    }
}

/// Packets with headers of six bytes and their payload; each pull gives 10 ms, and no more is decoded than the packets
/// and their gaps can contain.
pub fn voice_packets(input: &[u8]) {
    let mut rest = input;
    let mut packets = Vec::new();
    while let Some((head, body)) = rest.split_at_checked(6) {
        let (payload, after) = body.split_at(usize::from(head[5]).min(body.len()));
        packets.push(fuzz::Packet {
            is_other: head[0] & 0x80 != 0,
            steps: (
                i16::from_le_bytes([head[1], head[2]]),
                48 * i32::from(i16::from_le_bytes([head[3], head[4]])),
            ),
            after: Duration::from_millis((head[0] & 0x7F).into()),
            payload: payload.to_vec(),
        });
        rest = after;
    }
    let count = packets.len();
    let (samples, work) = fuzz::played(clock::now(), packets.into_iter(), 50);
    assert_eq!(samples, (count + 50) * 160);
    let most = (count as u64 + 50) * 16_000;
    assert!(work <= most, "{work} samples of work for {count} packets");
}

/// Audio for key holders, from somebody without the key: only silence from the server is heard.
pub fn encrypted_packet(input: &[u8]) {
    if let Some(heard) = fuzz::unsealed(input, SERVERS) {
        assert_eq!([&heard, SERVERS].concat(), input);
        let zeros = heard.strip_prefix(b"\xF8\xFF\xFE").expect("silence");
        assert!(zeros.iter().all(|&byte| byte == 0), "{heard:?}");
    }
}
