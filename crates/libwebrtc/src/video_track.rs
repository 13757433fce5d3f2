//! Video tracks: known by name, never decoded ([`Unsupported::Video`]).
//!
//! [`Unsupported::Video`]: crate::unsupported::Unsupported::Video

use std::fmt;
use std::sync::Arc;

use crate::media_stream_track::{TrackCore, track_methods};
use crate::native::packet_trailer::PacketTrailerHandler;
use crate::unsupported::Unsupported;

/// A video track. Clones are the same track.
#[derive(Clone)]
pub struct RtcVideoTrack {
    pub(crate) inner: Arc<VideoTrack>,
}

pub(crate) struct VideoTrack {
    pub(crate) core: TrackCore,
}

impl RtcVideoTrack {
    track_methods!();

    pub(crate) fn new(id: String) -> Self {
        Self {
            inner: Arc::new(VideoTrack {
                core: TrackCore::new(id),
            }),
        }
    }

    /// Not used: see [`Unsupported::PacketTrailer`].
    pub fn set_packet_trailer_handler(&self, _handler: PacketTrailerHandler) {
        Unsupported::PacketTrailer.report();
    }

    /// Always none.
    pub fn packet_trailer_handler(&self) -> Option<PacketTrailerHandler> {
        None
    }
}

impl fmt::Debug for RtcVideoTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtcVideoTrack")
            .field("id", &self.id())
            .field("enabled", &self.enabled())
            .field("state", &self.state())
            .finish()
    }
}
