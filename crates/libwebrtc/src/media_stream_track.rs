//! A track of either kind.

use crate::audio_track::RtcAudioTrack;
use crate::engine::track::Track;
use crate::enum_dispatch;
use crate::video_track::RtcVideoTrack;

pub use crate::vocabulary::media::RtcTrackState;

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

impl From<Track> for MediaStreamTrack {
    fn from(track: Track) -> Self {
        match track {
            Track::Audio(inner) => Self::Audio(RtcAudioTrack { inner }),
            Track::Video(inner) => Self::Video(RtcVideoTrack { inner }),
        }
    }
}

impl From<MediaStreamTrack> for Track {
    fn from(track: MediaStreamTrack) -> Self {
        match track {
            MediaStreamTrack::Audio(track) => Self::Audio(track.inner),
            MediaStreamTrack::Video(track) => Self::Video(track.inner),
        }
    }
}
