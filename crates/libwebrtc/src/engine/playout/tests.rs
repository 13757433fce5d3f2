use super::*;

#[test]
fn frames_come_at_their_time_and_never_drift() {
    let start = crate::engine::clock::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut clock = PlayoutClock::new(start);
    assert!(!clock.take_due(at(9)));
    assert!(clock.take_due(at(10)));
    assert!(!clock.take_due(at(19)));
    assert!(clock.take_due(at(37)));
    assert!(clock.take_due(at(37)));
    assert!(!clock.take_due(at(37)));
    assert_eq!(clock.next_due(), at(40));
}

#[test]
fn a_late_reader_keeps_the_newest() {
    let start = crate::engine::clock::now();
    let mut clock = PlayoutClock::new(start);
    let now = start + Duration::from_secs(1);
    assert_eq!(clock.drop_beyond(now, 10), 90);
    let mut frames = 0;
    while clock.take_due(now) {
        frames += 1;
    }
    assert_eq!(frames, 10);
    assert_eq!(clock.drop_beyond(now, 10), 0);
}
