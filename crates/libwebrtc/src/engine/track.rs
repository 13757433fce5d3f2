//! Tracks: the state shared by their users and the connection's task.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::audio_in::{JitterBuffer, MediaPacket, Reception};
use super::audio_out::Source;
use super::encryption::media::Cryptor;
use super::track_core::TrackCore;

/// An audio or a video track. Clones are the same track.
#[derive(Clone)]
pub(crate) enum Track {
    Audio(Arc<AudioTrack>),
    Video(Arc<VideoTrack>),
}

impl Track {
    pub(crate) fn id(&self) -> String {
        self.core().id().to_owned()
    }

    pub(crate) fn end(&self) {
        self.core().end();
    }

    fn core(&self) -> &TrackCore {
        match self {
            Self::Audio(track) => &track.core,
            Self::Video(track) => &track.core,
        }
    }
}

pub(crate) struct AudioTrack {
    pub(crate) core: Arc<TrackCore>,
    origin: Origin,
    /// Encrypts or decrypts its packets.
    cryptor: Mutex<Option<Arc<Cryptor>>>,
    reception: Mutex<Reception>,
}

enum Origin {
    /// We send it, from a source filled by the application.
    Local(Arc<Source>),
    /// We receive it; each open stream has its own jitter buffer, which decodes at the stream's rate.
    Remote(Mutex<Vec<Weak<Mutex<JitterBuffer>>>>),
}

impl AudioTrack {
    pub(crate) fn local(id: String, source: Arc<Source>) -> Self {
        Self::new(id, Origin::Local(source))
    }

    pub(crate) fn remote(id: String) -> Self {
        Self::new(id, Origin::Remote(Mutex::default()))
    }

    fn new(id: String, origin: Origin) -> Self {
        Self {
            core: Arc::new(TrackCore::new(id)),
            origin,
            cryptor: Mutex::default(),
            reception: Mutex::default(),
        }
    }

    /// From now on its packets pass through this cryptor, including those of other connections.
    pub(crate) fn encrypt(&self, cryptor: Arc<Cryptor>) {
        *self.cryptor.lock() = Some(cryptor);
    }

    pub(crate) fn cryptor(&self) -> Option<Arc<Cryptor>> {
        self.cryptor.lock().clone()
    }

    /// A packet of a track we receive has arrived, whatever happens to it.
    pub(crate) fn came(&self, ssrc: u32, seq: u64) {
        self.reception.lock().came(ssrc, seq);
    }

    /// Which packets have arrived.
    pub(crate) fn reception(&self) -> Reception {
        *self.reception.lock()
    }

    /// The source of a track we send.
    pub(crate) fn source(&self) -> Option<&Arc<Source>> {
        match &self.origin {
            Origin::Local(source) => Some(source),
            Origin::Remote(_) => None,
        }
    }

    /// Adds a listener to a track. Returns whether it is a track we receive.
    pub(crate) fn add_listener(&self, buffer: &Arc<Mutex<JitterBuffer>>) -> bool {
        match &self.origin {
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
        let Origin::Remote(buffers) = &self.origin else {
            return;
        };
        for buffer in buffers.lock().iter().filter_map(Weak::upgrade) {
            buffer.lock().insert(packet.clone());
        }
    }

    /// The listeners' jitter buffers, for statistics.
    pub(crate) fn listeners(&self) -> Vec<Arc<Mutex<JitterBuffer>>> {
        match &self.origin {
            Origin::Remote(buffers) => buffers.lock().iter().filter_map(Weak::upgrade).collect(),
            Origin::Local(_) => Vec::new(),
        }
    }
}

pub(crate) struct VideoTrack {
    pub(crate) core: TrackCore,
}

impl VideoTrack {
    pub(crate) fn new(id: String) -> Self {
        Self {
            core: TrackCore::new(id),
        }
    }
}
