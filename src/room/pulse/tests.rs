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
