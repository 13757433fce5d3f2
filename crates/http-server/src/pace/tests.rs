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
    assert!(pace.wrote(None, began));
    assert!(!pace.wrote(None, began + 20 * S), "since the first time");
    assert_eq!(pace.deadline(), Some(began + 30 * S));
    assert!(pace.wrote(Some(9), began + 25 * S));
    assert!(pace.caught_up());
    assert_eq!(pace.deadline(), None);
    pace.wrote(None, began + 26 * S);
    pace.answered(began + 27 * S);
    assert_eq!(pace.deadline(), Some(began + 56 * S), "what comes first");
}

#[test]
fn a_few_bytes_now_and_then_buy_no_time_and_a_slow_line_has_what_it_needs() {
    let (mut pace, began) = begun();
    pace.asked();
    pace.wrote(None, began);
    for n in 1..3 {
        pace.wrote(Some(4_000), began + n * 25 * S);
        pace.wrote(None, began + n * 25 * S);
    }
    assert_eq!(pace.deadline(), Some(began + 60 * S));
    // What was answered may still wait to be taken, and another request be under way.
    pace.answered(began + 51 * S);
    pace.asked();
    assert_eq!(pace.deadline(), Some(began + 60 * S));
    let (mut pace, began) = begun();
    pace.asked();
    for second in 0..300 {
        pace.wrote(None, began + second * S);
        pace.wrote(Some(16 * 1024), began + second * S);
        assert!(pace.deadline().unwrap() > began + second * S);
    }
    assert!(pace.caught_up());
    assert_eq!(pace.deadline(), None, "an open stream of events may rest");
}
