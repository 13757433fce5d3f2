//! How offers and answers are made, and bitrate limits.

/// How an offer is made.
#[derive(Debug, Clone, Default)]
pub struct OfferOptions {
    /// Find a new path to the other side.
    pub ice_restart: bool,
    /// Not used: add a transceiver instead.
    pub offer_to_receive_audio: bool,
    /// Not used: add a transceiver instead.
    pub offer_to_receive_video: bool,
}

/// How an answer is made.
#[derive(Debug, Clone, Default)]
pub struct AnswerOptions {}

/// Limits for the send bitrate of a whole connection, in bits per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BitrateSettings {
    /// The minimum.
    pub min_bitrate_bps: Option<u64>,
    /// The initial value.
    pub start_bitrate_bps: Option<u64>,
    /// The maximum.
    pub max_bitrate_bps: Option<u64>,
}
