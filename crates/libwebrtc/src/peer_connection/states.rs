//! The states of a connection, and how offers and answers are made.

/// The state of the whole connection.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum PeerConnectionState {
    /// Nothing has happened yet.
    New,
    /// ICE or DTLS is under way.
    Connecting,
    /// Media and data can flow.
    Connected,
    /// The other side has not been heard for a while.
    Disconnected,
    /// It has not been heard for so long that an ICE restart is needed.
    Failed,
    /// Closed for good.
    Closed,
}

/// The state of ICE.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IceConnectionState {
    New,
    Checking,
    Connected,
    Completed,
    Failed,
    Disconnected,
    Closed,
    Max,
}

/// The state of candidate gathering.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IceGatheringState {
    New,
    Gathering,
    Complete,
}

/// The state of the exchange of offers and answers.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SignalingState {
    Stable,
    HaveLocalOffer,
    HaveLocalPrAnswer,
    HaveRemoteOffer,
    HaveRemotePrAnswer,
    Closed,
}

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

/// Send bitrate limits of a whole connection, in bits a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BitrateSettings {
    /// At least this.
    pub min_bitrate_bps: Option<u64>,
    /// At first this.
    pub start_bitrate_bps: Option<u64>,
    /// At most this.
    pub max_bitrate_bps: Option<u64>,
}
