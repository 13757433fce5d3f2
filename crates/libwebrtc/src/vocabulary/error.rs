//! The error of this interface.

use thiserror::Error;

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
