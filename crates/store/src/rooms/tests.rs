use chrono::{TimeZone as _, Utc};

use super::*;

fn room(sid: &str, opened: Option<i64>) -> Room {
    let at = |second| Utc.timestamp_opt(1_700_000_000 + second, 0).unwrap();
    Room {
        sid: sid.into(),
        opened_at: opened.map(at),
    }
}

#[test]
fn a_call_is_in_its_youngest_room() {
    let known = [room("RM_1", Some(0)), room("RM_2", Some(20))];
    let is_in = |told: &Room| current(&known, told).sid.clone();
    assert_eq!(is_in(&room("RM_3", Some(40))), "RM_3");
    assert_eq!(is_in(&room("RM_1", Some(0))), "RM_2");
    assert_eq!(is_in(&room("RM_2", Some(20))), "RM_2");
    // Late news of a room that nobody had reported.
    assert_eq!(is_in(&room("RM_0", Some(-9))), "RM_2");
    // Reconciliation and egress events do not always know when a room was opened.
    assert_eq!(is_in(&room("RM_3", None)), "RM_3");
    assert_eq!(current(&[], &room("RM_1", None)).sid, "RM_1");
    let unknown = [room("RM_1", None)];
    assert_eq!(current(&unknown, &room("RM_2", Some(3))).sid, "RM_2");
}
