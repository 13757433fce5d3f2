//! Entry points for the tests that feed arbitrary input (`tests/fuzz` of the product): what the other side sends is
//! read as in a connection, without one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::Candidate;
use str0m::change::{SdpAnswer, SdpOffer};

use crate::engine::audio_in::{JitterBuffer, MediaPacket};
use crate::engine::encryption::data;
use crate::engine::encryption::keys::Keys;
use crate::engine::encryption::media::Cryptor;
use crate::engine::sdp;
use crate::vocabulary::encryption::{
    EncryptedPacket, EncryptionAlgorithm, KeyDerivationAlgorithm, KeyProviderOptions,
};

/// The number of media sections found in a description.
pub fn description(sdp: &str) -> usize {
    let sections = sdp::sections(sdp);
    let senders = sections.iter().filter(|section| section.sends());
    assert!(senders.count() <= sections.len());
    // A connection would report a refusal as an error.
    let _ = (
        SdpOffer::from_sdp_string(sdp),
        SdpAnswer::from_sdp_string(sdp),
    );
    for line in sdp.lines() {
        let _ = Candidate::from_sdp_string(line);
    }
    sections.len()
}

/// A packet, as far as its sender controls it.
#[derive(Debug, Clone)]
pub struct Packet {
    /// From another source than the previous packet.
    pub is_other: bool,
    /// The steps from the previous packet in sequence number and RTP time, in ticks.
    pub steps: (i16, i32),
    /// How much later it arrives.
    pub after: Duration,
    /// Its contents.
    pub payload: Vec<u8>,
}

/// Pulls 10 ms for each packet and `more` times after them. Returns the samples of one channel that were played, and
/// the decoder's work in the same unit.
///
/// # Panics
/// If a pull does not return 10 ms.
pub fn played(start: Instant, packets: impl Iterator<Item = Packet>, more: usize) -> (usize, u64) {
    const RATE: usize = 16_000;
    let Ok(mut buffer) = JitterBuffer::new(RATE as u32, 1) else {
        return (0, 0);
    };
    let (mut now, mut ssrc) = (start, 1);
    // Far from both ends of the range that a connection counts in.
    let (mut seq, mut ticks) = (1u64 << 40, 1u64 << 40);
    let mut out = Vec::new();
    let mut samples = 0;
    let mut pull = |buffer: &mut JitterBuffer, now| {
        out.clear();
        buffer.pull(now, &mut out);
        assert_eq!(out.len(), RATE / 100, "10 ms");
        samples += out.len();
    };
    for packet in packets {
        ssrc += u32::from(packet.is_other);
        seq = seq.saturating_add_signed(packet.steps.0.into());
        ticks = ticks.saturating_add_signed(packet.steps.1.into());
        now += packet.after;
        buffer.insert(MediaPacket {
            ssrc,
            seq,
            ticks,
            payload: packet.payload.into(),
            arrival: now,
        });
        pull(&mut buffer, now);
    }
    for _ in 0..more {
        now += Duration::from_millis(10);
        pull(&mut buffer, now);
    }
    let stats = buffer.stats();
    (samples, stats.samples + stats.removed + stats.concealed)
}

/// Reads what somebody without the key sends, as an audio packet and as a data packet. Returns the audio, which can
/// only be the server's silence.
///
/// # Panics
/// If it was opened as data.
pub fn unsealed(packet: &[u8], server_trailer: &[u8]) -> Option<Vec<u8>> {
    let keys = Keys::new(KeyProviderOptions {
        shared_key: true,
        ratchet_window_size: 0,
        ratchet_salt: b"salt".to_vec(),
        failure_tolerance: 3,
        key_ring_size: 4,
        key_derivation_algorithm: KeyDerivationAlgorithm::HKDF,
    });
    keys.set_shared(0, b"nobody's");
    keys.set_server_trailer(server_trailer);
    let keys = Arc::new(keys);
    let (iv, rest) = packet.split_at(packet.len().min(12));
    let sealed = EncryptedPacket {
        data: rest.to_vec(),
        iv: iv.to_vec(),
        key_index: packet.first().map_or(0, |byte| u32::from(*byte) >> 6),
    };
    assert!(data::open(&keys, "anybody", &sealed).is_err());
    let cryptor = Cryptor::new("anybody".into(), EncryptionAlgorithm::AesGcm, keys);
    cryptor.set_enabled(true);
    Some(cryptor.open(packet.into())?.to_vec())
}
