//! A WebRTC engine behind the interface of LiveKit's `libwebrtc` crate.
//!
//! The official `livekit` crate talks to WebRTC through `libwebrtc`, whose
//! build fetches a prebuilt copy of Google's library. This crate offers the
//! same names over [`str0m`], Opus and our own jitter buffer, so that the
//! unmodified `livekit` crate builds with cargo alone. Modules at the top
//! level are the interface; [`engine`] is the work.
//!
//! Audio and data channels work both ways. What is not there is listed in
//! [`unsupported`], one entry each, and says so when it is used.

use thiserror::Error;

mod engine;
mod enum_dispatch;

pub mod audio_frame;
pub mod audio_source;
pub mod audio_stream;
pub mod audio_track;
pub mod data_channel;
pub mod ice_candidate;
pub mod media_stream;
pub mod media_stream_track;
pub mod native;
pub mod peer_connection;
pub mod peer_connection_factory;
pub mod prelude;
pub mod rtp_parameters;
pub mod rtp_receiver;
pub mod rtp_sender;
pub mod rtp_transceiver;
pub mod session_description;
pub mod stats;
pub mod unsupported;
pub mod video_source;
pub mod video_track;

/// What a media section or capability is about.
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

/// The broad class of an [`RtcError`].
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum RtcErrorType {
    /// The engine failed or does not support what was asked.
    Internal,
    /// A session description could not be parsed or applied.
    InvalidSdp,
    /// The call does not fit the object's state, for example after `close`.
    InvalidState,
}

/// An error of a peer connection or one of its parts.
#[derive(Error, Debug)]
#[error("{error_type:?}: {message}")]
pub struct RtcError {
    /// The broad class.
    pub error_type: RtcErrorType,
    /// What happened and what to do about it.
    pub message: String,
}

impl RtcError {
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self {
            error_type: RtcErrorType::Internal,
            message: message.into(),
        }
    }

    pub(crate) fn invalid_sdp(message: impl Into<String>) -> Self {
        Self {
            error_type: RtcErrorType::InvalidSdp,
            message: message.into(),
        }
    }

    pub(crate) fn invalid_state(message: impl Into<String>) -> Self {
        Self {
            error_type: RtcErrorType::InvalidState,
            message: message.into(),
        }
    }

    pub(crate) fn closed() -> Self {
        Self::invalid_state("the peer connection is closed")
    }
}
