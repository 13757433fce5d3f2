//! What audio and video tracks have in common.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::audio_track::RtcAudioTrack;
use crate::enum_dispatch;
use crate::video_track::RtcVideoTrack;

/// Whether a track can still produce media.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum RtcTrackState {
    /// It can.
    Live,
    /// It never will again.
    Ended,
}

/// An audio or a video track.
#[derive(Debug, Clone)]
pub enum MediaStreamTrack {
    /// A video track.
    Video(RtcVideoTrack),
    /// An audio track.
    Audio(RtcAudioTrack),
}

impl MediaStreamTrack {
    enum_dispatch!(
        [Video, Audio];
        pub fn id(self: &Self) -> String;
        pub fn enabled(self: &Self) -> bool;
        pub fn set_enabled(self: &Self, enabled: bool) -> bool;
        pub fn state(self: &Self) -> RtcTrackState;
        pub(crate) fn end(self: &Self) -> ();
    );
}

impl From<RtcAudioTrack> for MediaStreamTrack {
    fn from(track: RtcAudioTrack) -> Self {
        Self::Audio(track)
    }
}

impl From<RtcVideoTrack> for MediaStreamTrack {
    fn from(track: RtcVideoTrack) -> Self {
        Self::Video(track)
    }
}

/// The state every track carries.
#[derive(Debug)]
pub(crate) struct TrackCore {
    id: String,
    enabled: AtomicBool,
    ended: AtomicBool,
}

impl TrackCore {
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            enabled: AtomicBool::new(true),
            ended: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Answers whether anything changed.
    pub(crate) fn set_enabled(&self, enabled: bool) -> bool {
        self.enabled.swap(enabled, Ordering::Relaxed) != enabled
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn state(&self) -> RtcTrackState {
        if self.ended.load(Ordering::Acquire) {
            RtcTrackState::Ended
        } else {
            RtcTrackState::Live
        }
    }
}

/// The public methods a track forwards to its [`TrackCore`].
macro_rules! track_methods {
    () => {
        /// The track's id, as in its `a=msid` line.
        pub fn id(&self) -> String {
            self.inner.core.id().to_owned()
        }

        /// Whether media flows; a disabled track is silent.
        pub fn enabled(&self) -> bool {
            self.inner.core.enabled()
        }

        /// Lets media flow or silences it. Answers whether this changed anything.
        pub fn set_enabled(&self, enabled: bool) -> bool {
            self.inner.core.set_enabled(enabled)
        }

        /// Whether the track can still produce media.
        pub fn state(&self) -> $crate::media_stream_track::RtcTrackState {
            self.inner.core.state()
        }

        pub(crate) fn end(&self) {
            self.inner.core.end()
        }
    };
}

pub(crate) use track_methods;
