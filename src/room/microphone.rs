//! Which of the caller's tracks is its microphone. PURE.

use livekit::e2ee::EncryptionType;
use livekit::prelude::{RemoteTrackPublication, TrackKind, TrackSid, TrackSource};

/// A track that the caller publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) sid: TrackSid,
    kind: TrackKind,
    source: TrackSource,
    is_encrypted: bool,
    pub(super) is_muted: bool,
    /// Its sound arrives: the subscription is active.
    is_here: bool,
}

impl Track {
    /// Whether the agent may hear it: a microphone, or audio to which a client gave no source. A shared screen's
    /// sound is not meant for the agent. Encrypted sound is mere noise to an agent without a key, and an agent with a
    /// key accepts nothing in the clear.
    pub(super) fn may_be_heard(&self, has_key: bool) -> bool {
        self.kind == TrackKind::Audio
            && matches!(self.source, TrackSource::Microphone | TrackSource::Unknown)
            && self.is_encrypted == has_key
    }
}

impl From<&RemoteTrackPublication> for Track {
    fn from(publication: &RemoteTrackPublication) -> Self {
        Self {
            sid: publication.sid(),
            kind: publication.kind(),
            source: publication.source(),
            is_encrypted: publication.encryption_type() != EncryptionType::None,
            is_muted: publication.is_muted(),
            is_here: publication.track().is_some(),
        }
    }
}

/// Tracks of a caller that are considered; a client has a microphone, a camera and a screen with its sound.
const MOST: usize = 16;

/// The caller's tracks, in order of publication.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    all: Vec<Track>,
    /// Whether the agent has a key.
    has_key: bool,
}

impl Tracks {
    /// No tracks yet, for an agent with a key or without.
    pub(super) fn none(has_key: bool) -> Self {
        Self {
            all: Vec::new(),
            has_key,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// A track was published, or published again. `false` if there are too many and it is ignored.
    pub(super) fn published(&mut self, track: Track) -> bool {
        self.unpublished(&track.sid);
        let is_room = self.all.len() < MOST;
        if is_room {
            self.all.push(track);
        }
        is_room
    }

    pub(super) fn unpublished(&mut self, sid: &TrackSid) {
        self.all.retain(|track| track.sid != *sid);
    }

    /// The track's sound begins to arrive, or stops.
    pub(super) fn arrives(&mut self, sid: &TrackSid, is_here: bool) {
        self.with(sid, |track| track.is_here = is_here);
    }

    pub(super) fn muted(&mut self, sid: &TrackSid, is_muted: bool) {
        self.with(sid, |track| track.is_muted = is_muted);
    }

    fn with(&mut self, sid: &TrackSid, change: impl FnOnce(&mut Track)) {
        if let Some(track) = self.all.iter_mut().find(|track| track.sid == *sid) {
            change(track);
        }
    }

    /// The caller's microphone. A track whose sound arrives goes before one that is only announced, a microphone
    /// before audio without a source, and the newest before older ones of its kind, because clients publish a new
    /// device's track before they end the old one.
    pub(super) fn microphone(&self) -> Option<&Track> {
        let audible = |track: &&Track| track.may_be_heard(self.has_key);
        let candidates = self.all.iter().filter(audible);
        candidates.max_by_key(|track| (track.is_here, track.source == TrackSource::Microphone))
    }

    /// The track to listen to now.
    pub(super) fn heard(&self) -> Option<&Track> {
        self.microphone().filter(|track| track.is_here)
    }

    /// Whether one of the tracks has this encryption: a single track, of any kind, shows how the room is meant to be.
    pub(super) fn some_are(&self, encrypted: bool) -> bool {
        self.all.iter().any(|track| track.is_encrypted == encrypted)
    }
}

#[cfg(test)]
mod tests;
