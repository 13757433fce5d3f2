//! A group of tracks the other side sends together.

use std::fmt;

use crate::audio_track::RtcAudioTrack;
use crate::engine::transceiver::Received;
use crate::media_stream_track::MediaStreamTrack;
use crate::video_track::RtcVideoTrack;

/// A stream of the other side, identified by the `a=msid` line of its tracks.
#[derive(Clone)]
pub struct MediaStream {
    id: String,
    track: MediaStreamTrack,
}

impl MediaStream {
    /// The stream id of the `a=msid` line.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// The audio tracks of this stream's media section.
    pub fn audio_tracks(&self) -> Vec<RtcAudioTrack> {
        match &self.track {
            MediaStreamTrack::Audio(track) => vec![track.clone()],
            MediaStreamTrack::Video(_) => vec![],
        }
    }

    /// The video tracks of this stream's media section.
    pub fn video_tracks(&self) -> Vec<RtcVideoTrack> {
        match &self.track {
            MediaStreamTrack::Video(track) => vec![track.clone()],
            MediaStreamTrack::Audio(_) => vec![],
        }
    }
}

impl From<Received> for MediaStream {
    fn from(received: Received) -> Self {
        Self {
            id: received.stream_id,
            track: received.track.into(),
        }
    }
}

impl fmt::Debug for MediaStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaStream")
            .field("id", &self.id)
            .field("track", &self.track)
            .finish()
    }
}
