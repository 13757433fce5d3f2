use super::*;

fn counts(sid: &str, people: u32, publishers: u32) -> Counts {
    Counts {
        sid: sid.into(),
        people,
        publishers,
    }
}

#[test]
fn a_room_is_looked_into_when_something_has_changed_or_after_a_minute() {
    let began = clock::now();
    let at = |secs| began + Duration::from_secs(secs);
    let mut seen = Seen::default();
    let then = counts("RM_1", 1, 2);
    assert!(!seen.is_as_seen(at(0), "room", &then), "never seen");
    seen.saw(at(0), "room", then.clone());
    assert!(seen.is_as_seen(at(59), "room", &then));
    assert!(!seen.is_as_seen(at(60), "room", &then));
    assert!(!seen.is_as_seen(at(5), "another", &then));
    // The agent has left, the caller has left, LiveKit was restarted.
    for now in [
        counts("RM_1", 1, 1),
        counts("RM_1", 0, 1),
        counts("RM_2", 1, 2),
    ] {
        assert!(!seen.is_as_seen(at(5), "room", &now), "{now:?}");
    }
    seen.keep(|room| room != "room");
    assert!(!seen.is_as_seen(at(5), "room", &then), "it was closed");
}
