//! A link's silence is told once, from the last that came.

use super::*;

#[test]
fn a_silent_link_is_told_of_once() {
    let began = clock::now();
    let at = |ms| began + Duration::from_millis(ms);
    let mut pulse = Pulse::new(began);
    // What cannot be counted is no silence.
    assert_eq!(pulse.counted(at(9_000), None), None);
    for (ms, bytes) in [(9_500, 10), (10_000, 10), (10_500, 20), (12_500, 20)] {
        assert_eq!(pulse.counted(at(ms), Some(bytes)), None, "{ms}");
    }
    // A client that is connecting anew has nothing to count.
    assert_eq!(
        pulse.counted(at(13_000), None),
        Some(Beat::Silent(at(9_500)))
    );
    assert_eq!(pulse.counted(at(20_000), Some(20)), None);
    // It counts from the start.
    assert_eq!(pulse.counted(at(20_500), Some(5)), Some(Beat::Back));
    assert_eq!(pulse.counted(at(21_000), Some(6)), None);
    assert_eq!(
        pulse.counted(at(23_500), Some(6)),
        Some(Beat::Silent(at(20_000)))
    );
}

#[test]
fn a_process_that_was_stopped_knows_it_before_it_believes_its_sockets() {
    let began = clock::now();
    let at = |ms| began + Duration::from_millis(ms);
    let mut pulse = Pulse::new(began);
    assert_eq!(pulse.counted(at(100), Some(10)), None);
    for ms in [500, 1_500, 3_400] {
        assert_eq!(pulse.wakes(at(ms)), None, "{ms}");
    }
    assert_eq!(pulse.counted(at(3_500), Some(20)), None);
    // What waited in the socket is new to the count, and old.
    assert_eq!(pulse.wakes(at(13_000)), Some(Beat::Stopped(at(2_400))));
    assert_eq!(pulse.counted(at(13_010), Some(30)), None);
    // Nothing comes after it: the link has its own time from the waking on.
    assert_eq!(pulse.wakes(at(13_500)), None);
    assert_eq!(pulse.counted(at(15_000), Some(30)), None);
    assert_eq!(
        pulse.counted(at(15_600), Some(30)),
        Some(Beat::Silent(at(12_010)))
    );
}

#[test]
fn a_link_that_is_made_anew_before_it_was_silent_is_told() {
    let began = clock::now();
    let at = |ms| began + Duration::from_millis(ms);
    let mut pulse = Pulse::new(began);
    for (ms, bytes) in [(500, 100), (1_000, 250)] {
        assert_eq!(pulse.counted(at(ms), Some(bytes)), None, "{ms}");
    }
    // The server died at 1.2 s, and was back at 3.1.
    assert_eq!(pulse.counted(at(2_000), None), None);
    assert_eq!(
        pulse.counted(at(3_300), Some(40)),
        Some(Beat::Renewed(at(0)))
    );
    assert_eq!(pulse.counted(at(3_800), Some(90)), None);
}
