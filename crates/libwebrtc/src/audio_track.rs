//! Audio tracks, ours and the other side's.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::audio_source::native::NativeAudioSource;
use crate::engine::audio_in::{JitterBuffer, MediaPacket};
use crate::media_stream_track::{TrackCore, track_methods};

/// An audio track. Clones are the same track.
#[derive(Clone)]
pub struct RtcAudioTrack {
    pub(crate) inner: Arc<AudioTrack>,
}

pub(crate) struct AudioTrack {
    pub(crate) core: TrackCore,
    origin: Origin,
}

enum Origin {
    /// We send it, from a source the application fills.
    Local(NativeAudioSource),
    /// We receive it; each open stream has a jitter buffer of its own,
    /// decoding at the rate that stream asked for.
    Remote(Mutex<Vec<Weak<Mutex<JitterBuffer>>>>),
}

impl RtcAudioTrack {
    track_methods!();

    pub(crate) fn local(id: String, source: NativeAudioSource) -> Self {
        Self::new(id, Origin::Local(source))
    }

    pub(crate) fn remote(id: String) -> Self {
        Self::new(id, Origin::Remote(Mutex::default()))
    }

    fn new(id: String, origin: Origin) -> Self {
        Self {
            inner: Arc::new(AudioTrack {
                core: TrackCore::new(id),
                origin,
            }),
        }
    }

    /// The source of a track we send.
    pub(crate) fn source(&self) -> Option<&NativeAudioSource> {
        match &self.inner.origin {
            Origin::Local(source) => Some(source),
            Origin::Remote(_) => None,
        }
    }

    /// Adds a listener to a track we receive. Answers whether it is one.
    pub(crate) fn add_listener(&self, buffer: &Arc<Mutex<JitterBuffer>>) -> bool {
        match &self.inner.origin {
            Origin::Remote(buffers) => {
                let mut buffers = buffers.lock();
                buffers.retain(|known| known.strong_count() > 0);
                buffers.push(Arc::downgrade(buffer));
                true
            }
            Origin::Local(_) => false,
        }
    }

    /// Hands a received packet to every listener.
    pub(crate) fn deliver(&self, packet: &MediaPacket) {
        let Origin::Remote(buffers) = &self.inner.origin else {
            return;
        };
        for buffer in buffers.lock().iter().filter_map(Weak::upgrade) {
            buffer.lock().insert(packet.clone());
        }
    }

    /// The listeners' jitter buffers, for statistics.
    pub(crate) fn listeners(&self) -> Vec<Arc<Mutex<JitterBuffer>>> {
        match &self.inner.origin {
            Origin::Remote(buffers) => buffers.lock().iter().filter_map(Weak::upgrade).collect(),
            Origin::Local(_) => Vec::new(),
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
