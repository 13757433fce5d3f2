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
    let mut tracks = Tracks::none(false);
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
    assert!(!tracks.some_are(true));
    tracks.published(Track {
        is_encrypted: true,
        ..audio("newer", TrackSource::Microphone)
    });
    assert!(tracks.some_are(true));
    assert_eq!(heard(&tracks), Some(sid_of("mic")));
    tracks.unpublished(&sid_of("newer"));
    tracks.published(Track {
        is_encrypted: true,
        ..track("camera", TrackKind::Video, TrackSource::Camera)
    });
    assert!(tracks.some_are(true), "a camera says it, too");
}

#[test]
fn an_agent_with_a_key_hears_what_is_encrypted_and_nothing_else() {
    let mut tracks = Tracks::none(true);
    tracks.published(audio("clear", TrackSource::Microphone));
    assert_eq!(heard(&tracks), None);
    tracks.published(Track {
        is_encrypted: true,
        ..audio("sealed", TrackSource::Microphone)
    });
    assert_eq!(heard(&tracks), Some(sid_of("sealed")));
    assert!(tracks.some_are(false), "one in the clear is told of");
}

#[test]
fn a_caller_has_a_few_tracks() {
    let mut tracks = Tracks::none(false);
    let published = |tracks: &mut Tracks, n: usize| {
        tracks.published(audio(&n.to_string(), TrackSource::Unknown))
    };
    assert!((0..MOST).all(|n| published(&mut tracks, n)));
    assert!(!published(&mut tracks, MOST));
    // A track that is published again counts once, and one that ends makes room.
    assert!(published(&mut tracks, 0));
    tracks.unpublished(&sid_of("1"));
    assert!(published(&mut tracks, MOST));
}
