//! Video sources: they can be named and published, but carry no pictures
//! ([`Unsupported::Video`]).
//!
//! [`Unsupported::Video`]: crate::unsupported::Unsupported::Video

use crate::enum_dispatch;

/// The size of a picture, in pixels.
#[derive(Debug, Clone)]
pub struct VideoResolution {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Default for VideoResolution {
    /// 1280 by 720.
    fn default() -> Self {
        Self {
            width: 1280,
            height: 720,
        }
    }
}

/// What a video track would show.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub enum RtcVideoSource {
    /// Pictures pushed by the application.
    Native(native::NativeVideoSource),
}

impl RtcVideoSource {
    enum_dispatch!(
        [Native];
        pub fn video_resolution(self: &Self) -> VideoResolution;
    );
}

/// The sources of a native build.
pub mod native {
    use super::VideoResolution;
    use crate::native::packet_trailer::PacketTrailerHandler;
    use crate::unsupported::Unsupported;

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
}
