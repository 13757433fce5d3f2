//! Doors for the tests that feed anything (`tests/fuzz` of the product): what the other side sends, read as
//! a connection reads it, without one.

use std::time::{Duration, Instant};

use str0m::Candidate;
use str0m::change::{SdpAnswer, SdpOffer};

use crate::engine::audio_in::{JitterBuffer, MediaPacket};
use crate::engine::sdp;

/// Media sections that are found in a description.
pub fn description(sdp: &str) -> usize {
    let sections = sdp::sections(sdp);
    let senders = sections.iter().filter(|section| section.sends());
    assert!(senders.count() <= sections.len());
    // Where they are refused, the connection is told so.
    let _ = (
        SdpOffer::from_sdp_string(sdp),
        SdpAnswer::from_sdp_string(sdp),
    );
    for line in sdp.lines() {
        let _ = Candidate::from_sdp_string(line);
    }
    sections.len()
}

/// A packet, as far as its sender decides.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Another source than the packet before.
    pub is_other: bool,
    /// How much later than the packet before by number, as RTP has it, and by time, in ticks.
    pub steps: (i16, i32),
    /// How much later it arrives.
    pub after: Duration,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Pulls 10 ms for each packet and `more` after them; answers the samples of one channel that were played, and
/// the decoder's work in the same unit.
///
/// # Panics
/// A pull did not give 10 ms.
pub fn played(start: Instant, packets: impl Iterator<Item = Packet>, more: usize) -> (usize, u64) {
    const RATE: usize = 16_000;
    let Ok(mut buffer) = JitterBuffer::new(RATE as u32, 1) else {
        return (0, 0);
    };
    let (mut now, mut ssrc) = (start, 1);
    // As far from both ends as a connection counts.
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
