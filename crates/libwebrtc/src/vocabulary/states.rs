//! The states of a connection.

/// The state of the whole connection.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum PeerConnectionState {
    /// Nothing has happened yet.
    New,
    /// ICE or DTLS is in progress.
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
