//! Packets as they come from the network, and their clock.

use std::sync::Arc;
use std::time::Instant;

/// Ticks of Opus's RTP clock per millisecond (RFC 7587, section 4.1).
pub(super) const TICKS_PER_MS: u64 = 48;

/// A received media packet.
#[derive(Debug, Clone)]
pub(crate) struct MediaPacket {
    /// The sender's synchronization source; a new one resets the buffer.
    pub(crate) ssrc: u32,
    /// Sequence number without wrap-around.
    pub(crate) seq: u64,
    /// RTP time without wrap-around, in ticks of 48 kHz.
    pub(crate) ticks: u64,
    /// An Opus packet.
    pub(crate) payload: Arc<[u8]>,
    pub(crate) arrival: Instant,
}
