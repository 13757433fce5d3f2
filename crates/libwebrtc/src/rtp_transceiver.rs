//! A media section of a connection, in both directions.

use std::fmt;
use std::sync::Arc;

use crate::engine::transceiver::Transceiver;
use crate::rtp_receiver::RtpReceiver;
use crate::rtp_sender::RtpSender;
use crate::unsupported::Unsupported;
use crate::vocabulary::error::RtcError;
use crate::vocabulary::rtp_parameters::RtpCodecCapability;

pub use crate::vocabulary::media::RtpTransceiverDirection;
pub use crate::vocabulary::transceiver::RtpTransceiverInit;

/// A transceiver. Clones are the same transceiver.
#[derive(Clone)]
pub struct RtpTransceiver {
    pub(crate) inner: Arc<Transceiver>,
}

impl RtpTransceiver {
    /// The media section's id, once one has been offered.
    pub fn mid(&self) -> Option<String> {
        self.inner.mid()
    }

    /// The negotiated direction.
    pub fn current_direction(&self) -> Option<RtpTransceiverDirection> {
        self.inner.current_direction()
    }

    /// The requested direction.
    pub fn direction(&self) -> RtpTransceiverDirection {
        self.inner.direction()
    }

    /// The sending half.
    pub fn sender(&self) -> RtpSender {
        RtpSender {
            inner: self.inner.clone(),
        }
    }

    /// The receiving half.
    pub fn receiver(&self) -> RtpReceiver {
        RtpReceiver {
            inner: self.inner.clone(),
        }
    }

    /// Not applied: see [`Unsupported::CodecPreferences`].
    ///
    /// # Errors
    /// For an audio transceiver. Video is not sent at all, so for video the call is only reported.
    pub fn set_codec_preferences(&self, _codecs: Vec<RtpCodecCapability>) -> Result<(), RtcError> {
        if self.inner.is_audio() {
            return Err(Unsupported::CodecPreferences.error());
        }
        Unsupported::CodecPreferences.report();
        Ok(())
    }

    /// Ends both directions with the next negotiation.
    ///
    /// # Errors
    /// None in this engine.
    pub fn stop(&self) -> Result<(), RtcError> {
        self.inner.stop();
        Ok(())
    }
}

impl fmt::Debug for RtpTransceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtpTransceiver")
            .field("mid", &self.mid())
            .field("direction", &self.direction())
            .finish()
    }
}
