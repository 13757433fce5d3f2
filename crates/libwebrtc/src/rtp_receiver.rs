//! The receiving half of a transceiver.

use std::fmt;
use std::sync::Arc;

use crate::engine::transceiver::Transceiver;
use crate::media_stream::MediaStream;
use crate::media_stream_track::MediaStreamTrack;
use crate::vocabulary::error::RtcError;
use crate::vocabulary::rtp_parameters::RtpParameters;
use crate::vocabulary::stats::RtcStats;

/// The receiving half of a transceiver.
#[derive(Clone)]
pub struct RtpReceiver {
    pub(crate) inner: Arc<Transceiver>,
}

impl RtpReceiver {
    /// The track being received. `None` until the other side names one.
    pub fn track(&self) -> Option<MediaStreamTrack> {
        self.inner.received().map(|received| received.track.into())
    }

    /// The ids of the streams the track belongs to.
    pub fn stream_ids(&self) -> Vec<String> {
        self.streams().iter().map(MediaStream::id).collect()
    }

    /// The streams the track belongs to; empty until the other side names one.
    pub fn streams(&self) -> Vec<MediaStream> {
        let received = self.inner.received();
        received.map(MediaStream::from).into_iter().collect()
    }

    /// Statistics of what is received.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn get_stats(&self) -> Result<Vec<RtcStats>, RtcError> {
        self.inner.stats(false).await
    }

    /// What was negotiated.
    pub fn parameters(&self) -> RtpParameters {
        RtpParameters::default()
    }
}

impl fmt::Debug for RtpReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtpReceiver")
            .field("track", &self.track())
            .finish()
    }
}
