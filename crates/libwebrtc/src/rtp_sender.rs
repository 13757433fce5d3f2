//! The sending half of a transceiver.

use std::fmt;
use std::sync::Arc;

use crate::engine::transceiver::Transceiver;
use crate::media_stream_track::MediaStreamTrack;
use crate::unsupported::Unsupported;
use crate::vocabulary::error::RtcError;
use crate::vocabulary::rtp_parameters::RtpParameters;
use crate::vocabulary::stats::RtcStats;

/// Where video is encoded. Video is not supported, so none of these matters here; the names belong to the interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum VideoEncoderBackend {
    #[default]
    Auto,
    Software,
    Hardware,
    Nvenc,
    Vaapi,
    VideoToolbox,
    PreEncoded,
}

impl VideoEncoderBackend {
    /// The available backends: none beyond the default.
    pub fn list_available() -> impl IntoIterator<Item = VideoEncoderBackend> {
        [Self::Auto]
    }
}

/// The sending half of a transceiver.
#[derive(Clone)]
pub struct RtpSender {
    pub(crate) inner: Arc<Transceiver>,
}

impl RtpSender {
    /// The track being sent.
    pub fn track(&self) -> Option<MediaStreamTrack> {
        self.inner.sender_track().map(Into::into)
    }

    /// Statistics of what is sent.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn get_stats(&self) -> Result<Vec<RtcStats>, RtcError> {
        self.inner.stats(true).await
    }

    /// Clears the track; setting another is not supported.
    ///
    /// # Errors
    /// [`Unsupported::ReplaceTrack`] for `Some`.
    pub fn set_track(&self, track: Option<MediaStreamTrack>) -> Result<(), RtcError> {
        match track {
            Some(_) => Err(Unsupported::ReplaceTrack.error()),
            None => {
                self.inner.clear_sender_track();
                Ok(())
            }
        }
    }

    /// The sender's settings.
    pub fn parameters(&self) -> RtpParameters {
        self.inner.sender_parameters()
    }

    /// Replaces the sender's encodings: `active` and `max_bitrate` apply to audio at once.
    ///
    /// # Errors
    /// When the number of encodings differs from the sender's own.
    pub fn set_parameters(&self, parameters: RtpParameters) -> Result<(), RtcError> {
        self.inner.set_sender_parameters(parameters)
    }

    /// Not used: see [`Unsupported::Video`].
    pub fn set_video_encoder_backend(&self, _backend: VideoEncoderBackend) {
        Unsupported::Video.report();
    }
}

impl fmt::Debug for RtpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtpSender")
            .field("track", &self.track())
            .finish()
    }
}
