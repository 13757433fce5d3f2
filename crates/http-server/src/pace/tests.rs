use super::*;

const S: Duration = Duration::from_secs(1);

fn begun() -> (Pace, Instant) {
    let now = sidetone_base::clock::now();
    (Pace::begun(Patience::default(), now), now)
}

#[test]
fn a_byte_a_second_buys_no_time_for_a_head() {
    let (mut pace, began) = begun();
    let by = pace.deadline().unwrap();
    assert_eq!(by, began + 10 * S);
    for second in 1..10 {
        assert!(!pace.read(began + second * S));
        assert_eq!(pace.deadline(), Some(by));
    }
}

#[test]
fn the_second_requests_head_is_timed_from_its_first_byte() {
    let (mut pace, began) = begun();
    pace.asked();
    assert_eq!(pace.deadline(), None, "a request has its own deadline");
    pace.answered(began + 5 * S);
    assert_eq!(pace.deadline(), Some(began + 80 * S));
    assert!(pace.read(began + 70 * S));
    assert!(!pace.read(began + 75 * S));
    assert_eq!(pace.deadline(), Some(began + 80 * S));
}

#[test]
fn an_answer_that_is_not_taken_ends_the_connection_and_one_that_moves_does_not() {
    let (mut pace, began) = begun();
    pace.asked();
    assert!(pace.wrote(false, began));
    assert!(!pace.wrote(false, began + 20 * S), "since the first time");
    assert_eq!(pace.deadline(), Some(began + 30 * S));
    assert!(pace.wrote(true, began + 25 * S));
    assert_eq!(pace.deadline(), None);
    pace.wrote(false, began + 26 * S);
    pace.answered(began + 27 * S);
    assert_eq!(pace.deadline(), Some(began + 56 * S), "what comes first");
}
