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
    /// Its sound arrives: the subscription is in force.
    is_here: bool,
}

impl Track {
    /// Where it may be heard: a microphone, or sound that a client gave no source. A shared screen's
    /// sound is not for the agent, and what is encrypted between participants is only noise here.
    pub(super) fn may_be_heard(&self) -> bool {
        self.kind == TrackKind::Audio
            && matches!(self.source, TrackSource::Microphone | TrackSource::Unknown)
            && !self.is_encrypted
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

/// What the caller publishes, in the order of publishing.
#[derive(Debug, Default)]
pub(super) struct Tracks(Vec<Track>);

impl Tracks {
    /// Published, or published again.
    pub(super) fn published(&mut self, track: Track) {
        self.unpublished(&track.sid);
        self.0.push(track);
    }

    pub(super) fn unpublished(&mut self, sid: &TrackSid) {
        self.0.retain(|track| track.sid != *sid);
    }

    /// Its sound begins to arrive, or ends.
    pub(super) fn arrives(&mut self, sid: &TrackSid, is_here: bool) {
        self.with(sid, |track| track.is_here = is_here);
    }

    pub(super) fn muted(&mut self, sid: &TrackSid, is_muted: bool) {
        self.with(sid, |track| track.is_muted = is_muted);
    }

    fn with(&mut self, sid: &TrackSid, change: impl FnOnce(&mut Track)) {
        if let Some(track) = self.0.iter_mut().find(|track| track.sid == *sid) {
            change(track);
        }
    }

    /// What counts as the caller's microphone: a track whose sound arrives before one that is only
    /// announced, a microphone before sound without a source, and the newest of its kind, for clients
    /// publish a new device's track before they end the old one.
    pub(super) fn microphone(&self) -> Option<&Track> {
        let candidates = self.0.iter().filter(|track| track.may_be_heard());
        candidates.max_by_key(|track| (track.is_here, track.source == TrackSource::Microphone))
    }

    /// The track to listen to now.
    pub(super) fn heard(&self) -> Option<&Track> {
        self.microphone().filter(|track| track.is_here)
    }

    /// Whether the caller encrypts for the other participants: one encrypted track, of any kind, says
    /// that the room is meant to be.
    pub(super) fn are_encrypted(&self) -> bool {
        self.0.iter().any(|track| track.is_encrypted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(id: &str, kind: TrackKind, source: TrackSource) -> Track {
        Track {
            sid: sid_of(id),
            kind,
            source,
            is_encrypted: false,
            is_muted: false,
            is_here: true,
        }
    }

    fn sid_of(id: &str) -> TrackSid {
        TrackSid::try_from(format!("TR_{id}")).unwrap()
    }

    fn audio(id: &str, source: TrackSource) -> Track {
        track(id, TrackKind::Audio, source)
    }

    fn tracks(all: impl IntoIterator<Item = Track>) -> Tracks {
        let mut tracks = Tracks::default();
        for track in all {
            tracks.published(track);
        }
        tracks
    }

    fn heard(tracks: &Tracks) -> Option<TrackSid> {
        tracks.heard().map(|track| track.sid.clone())
    }

    #[test]
    fn only_a_microphone_or_sound_without_a_source_is_heard() {
        for (kind, source, is_heard) in [
            (TrackKind::Audio, TrackSource::Microphone, true),
            (TrackKind::Audio, TrackSource::Unknown, true),
            (TrackKind::Audio, TrackSource::ScreenshareAudio, false),
            (TrackKind::Audio, TrackSource::Screenshare, false),
            (TrackKind::Audio, TrackSource::Camera, false),
            (TrackKind::Video, TrackSource::Camera, false),
            (TrackKind::Video, TrackSource::Unknown, false),
        ] {
            let tracks = tracks([track("a", kind, source)]);
            assert_eq!(heard(&tracks).is_some(), is_heard, "{kind:?} {source:?}");
        }
    }

    #[test]
    fn a_shared_screen_does_not_take_the_microphones_place() {
        let mut tracks = tracks([
            audio("mic", TrackSource::Microphone),
            audio("screen", TrackSource::ScreenshareAudio),
            audio("music", TrackSource::Unknown),
        ]);
        assert_eq!(heard(&tracks), Some(sid_of("mic")));
        tracks.unpublished(&sid_of("screen"));
        assert_eq!(heard(&tracks), Some(sid_of("mic")));
    }

    #[test]
    fn what_is_still_there_is_returned_to() {
        let mut tracks = tracks([
            audio("music", TrackSource::Unknown),
            audio("headset", TrackSource::Microphone),
            audio("laptop", TrackSource::Microphone),
        ]);
        assert_eq!(heard(&tracks), Some(sid_of("laptop")), "the newest");
        tracks.unpublished(&sid_of("laptop"));
        assert_eq!(heard(&tracks), Some(sid_of("headset")));
        tracks.arrives(&sid_of("headset"), false);
        assert_eq!(heard(&tracks), Some(sid_of("music")));
        tracks.unpublished(&sid_of("music"));
        assert_eq!(heard(&tracks), None);
        tracks.arrives(&sid_of("headset"), true);
        assert_eq!(heard(&tracks), Some(sid_of("headset")));
    }

    #[test]
    fn a_track_is_heard_once_its_sound_arrives() {
        let coming = Track {
            is_here: false,
            ..audio("new", TrackSource::Microphone)
        };
        let mut tracks = tracks([audio("old", TrackSource::Microphone), coming]);
        assert_eq!(heard(&tracks), Some(sid_of("old")));
        tracks.arrives(&sid_of("new"), true);
        assert_eq!(heard(&tracks), Some(sid_of("new")));
    }

    #[test]
    fn only_the_microphones_mute_counts() {
        let is_muted = |tracks: &Tracks| tracks.microphone().unwrap().is_muted;
        let mut tracks = tracks([
            audio("mic", TrackSource::Microphone),
            track("camera", TrackKind::Video, TrackSource::Camera),
            audio("screen", TrackSource::ScreenshareAudio),
        ]);
        tracks.muted(&sid_of("camera"), true);
        tracks.muted(&sid_of("screen"), true);
        assert!(!is_muted(&tracks));
        tracks.muted(&sid_of("mic"), true);
        assert!(is_muted(&tracks));
        tracks.muted(&sid_of("camera"), false);
        assert!(is_muted(&tracks));
    }

    #[test]
    fn an_encrypted_track_is_not_heard_and_tells_of_the_room() {
        let mut tracks = tracks([audio("mic", TrackSource::Microphone)]);
        assert!(!tracks.are_encrypted());
        tracks.published(Track {
            is_encrypted: true,
            ..audio("newer", TrackSource::Microphone)
        });
        assert!(tracks.are_encrypted());
        assert_eq!(heard(&tracks), Some(sid_of("mic")));
        tracks.unpublished(&sid_of("newer"));
        tracks.published(Track {
            is_encrypted: true,
            ..track("camera", TrackKind::Video, TrackSource::Camera)
        });
        assert!(tracks.are_encrypted(), "a camera says it, too");
    }
}
