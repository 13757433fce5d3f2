//! The sources of a native build.

use super::resolution::VideoResolution;
use crate::unsupported::Unsupported;
use crate::vocabulary::packet_trailer::PacketTrailerHandler;

/// A video source that only knows its resolution.
#[derive(Debug, Clone, Default)]
pub struct NativeVideoSource {
    resolution: VideoResolution,
}

impl NativeVideoSource {
    /// A source of the given resolution.
    pub fn new(resolution: VideoResolution, _is_screencast: bool) -> Self {
        Self { resolution }
    }

    /// The resolution it was made with.
    pub fn video_resolution(&self) -> VideoResolution {
        self.resolution.clone()
    }

    /// Not used: see [`Unsupported::PacketTrailer`].
    pub fn set_packet_trailer_handler(&self, _handler: PacketTrailerHandler) {
        Unsupported::PacketTrailer.report();
    }
}
