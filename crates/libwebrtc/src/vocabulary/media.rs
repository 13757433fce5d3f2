//! Kinds of media, their directions, and whether a track is still live.

/// The kind of a media section or capability.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum MediaType {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Data channels.
    Data,
    /// Anything else; asking for it is an error.
    Unsupported,
}

/// Directions of media, seen from this side.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum RtpTransceiverDirection {
    /// Both.
    SendRecv,
    /// Out only.
    SendOnly,
    /// In only.
    RecvOnly,
    /// Neither.
    Inactive,
    /// Neither, for good.
    Stopped,
}

/// Whether a track can still produce media.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum RtcTrackState {
    /// It can.
    Live,
    /// It never will again.
    Ended,
}
