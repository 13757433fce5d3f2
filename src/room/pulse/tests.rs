//! A link's silence is told once, from the last that came.

use super::*;

/// A pulse from now on, and its moments, in milliseconds from now.
fn pulse() -> (Pulse, impl Fn(u64) -> Instant) {
    let began = clock::now();
    (Pulse::new(began), move |ms| {
        began + Duration::from_millis(ms)
    })
}

fn came(bytes: u64, last: Instant) -> Option<Arrived> {
    Some(Arrived { bytes, last })
}

#[test]
fn a_silent_link_is_reported_once_as_of_the_last_packet() {
    let (mut pulse, at) = pulse();
    // What cannot be seen is no silence.
    assert_eq!(pulse.sees(at(9_000), None), None);
    for (ms, bytes, last) in [
        (9_500, 10, 9_200),
        (10_000, 10, 9_200),
        (10_500, 20, 10_230),
        (12_500, 20, 10_180),
    ] {
        assert_eq!(pulse.sees(at(ms), came(bytes, at(last))), None, "{ms}");
    }
    // A client that is connecting anew has nothing to show.
    assert_eq!(pulse.sees(at(13_000), None), Some(Beat::Silent(at(10_230))));
    assert_eq!(pulse.sees(at(20_000), came(20, at(10_220))), None);
    // It counts from the start.
    assert_eq!(
        pulse.sees(at(20_500), came(5, at(20_100))),
        Some(Beat::Back)
    );
    assert_eq!(pulse.sees(at(21_000), came(6, at(20_900))), None);
    assert_eq!(
        pulse.sees(at(23_500), came(6, at(20_900))),
        Some(Beat::Silent(at(20_900)))
    );
}

#[test]
fn bytes_that_are_counted_late_are_not_silence() {
    let (mut pulse, at) = pulse();
    assert_eq!(pulse.sees(at(500), came(10, at(400))), None);
    for second in 1..20 {
        let (now, last) = (at(second * 1_000 + 500), at(second * 1_000));
        assert_eq!(pulse.sees(now, came(10, last)), None, "{second}");
    }
}

#[test]
fn a_process_that_was_stopped_knows_it_before_it_believes_its_sockets() {
    let (mut pulse, at) = pulse();
    assert_eq!(pulse.sees(at(100), came(10, at(80))), None);
    for ms in [500, 1_500, 3_400] {
        assert_eq!(pulse.wakes(at(ms)), None, "{ms}");
    }
    assert_eq!(pulse.sees(at(3_500), came(20, at(3_100))), None);
    // What waited in the socket is new to the count, and old.
    assert_eq!(pulse.wakes(at(13_000)), Some(Beat::Stopped(at(3_100))));
    assert_eq!(pulse.sees(at(13_010), came(30, at(13_005))), None);
    // Nothing comes after it: the link has its own time from the waking on.
    assert_eq!(pulse.wakes(at(13_500)), None);
    assert_eq!(pulse.sees(at(15_000), came(30, at(13_005))), None);
    assert_eq!(
        pulse.sees(at(15_600), came(30, at(13_005))),
        Some(Beat::Silent(at(13_005)))
    );
}

#[test]
fn a_link_replaced_before_it_was_silent_is_reported() {
    let (mut pulse, at) = pulse();
    for (ms, bytes, last) in [(500, 100, 300), (1_000, 250, 900)] {
        assert_eq!(pulse.sees(at(ms), came(bytes, at(last))), None, "{ms}");
    }
    // The server died at 1.2 s, and was back at 3.1.
    assert_eq!(pulse.sees(at(2_000), None), None);
    assert_eq!(
        pulse.sees(at(3_300), came(40, at(3_250))),
        Some(Beat::Renewed(at(900)))
    );
    assert_eq!(pulse.sees(at(3_800), came(90, at(3_700))), None);
}
