//! Video sources: they can be named and published, but carry no pictures
//! ([`Unsupported::Video`]).
//!
//! [`Unsupported::Video`]: crate::unsupported::Unsupported::Video

use crate::enum_dispatch;

pub mod native;
mod resolution;

pub use resolution::VideoResolution;

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
