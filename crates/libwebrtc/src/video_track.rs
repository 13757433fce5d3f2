//! Video tracks: known by name, never decoded ([`Unsupported::Video`]).
//!
//! [`Unsupported::Video`]: crate::unsupported::Unsupported::Video

use std::fmt;
use std::sync::Arc;

use crate::engine::track::VideoTrack;
use crate::track_methods::track_methods;
use crate::unsupported::Unsupported;
use crate::vocabulary::packet_trailer::PacketTrailerHandler;

/// A video track. Clones are the same track.
#[derive(Clone)]
pub struct RtcVideoTrack {
    pub(crate) inner: Arc<VideoTrack>,
}

impl RtcVideoTrack {
    track_methods!();

    pub(crate) fn new(id: String) -> Self {
        Self {
            inner: Arc::new(VideoTrack::new(id)),
        }
    }

    /// Not used: see [`Unsupported::PacketTrailer`].
    pub fn set_packet_trailer_handler(&self, _handler: PacketTrailerHandler) {
        Unsupported::PacketTrailer.report();
    }

    /// Always `None`.
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
