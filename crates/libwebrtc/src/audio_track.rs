//! Audio tracks, ours and the other side's.

use std::fmt;
use std::sync::Arc;

use crate::audio_source::native::NativeAudioSource;
use crate::engine::track::AudioTrack;
use crate::track_methods::track_methods;

/// An audio track. Clones are the same track.
#[derive(Clone)]
pub struct RtcAudioTrack {
    pub(crate) inner: Arc<AudioTrack>,
}

impl RtcAudioTrack {
    track_methods!();

    pub(crate) fn local(id: String, source: NativeAudioSource) -> Self {
        Self {
            inner: Arc::new(AudioTrack::local(id, source.source)),
        }
    }
}

impl fmt::Debug for RtcAudioTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtcAudioTrack")
            .field("id", &self.id())
            .field("enabled", &self.enabled())
            .field("state", &self.state())
            .finish()
    }
}
