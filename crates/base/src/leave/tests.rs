use super::*;
use crate::clock;

const STEPS: [Step; 5] = [
    Step::Words,
    Step::Tools,
    Step::Record,
    Step::Report,
    Step::Room,
];

#[test]
fn each_step_has_its_share_and_the_last_ends_with_the_budget() {
    let now = clock::now();
    for budget in [LeaveBy::ASKED, LeaveBy::TERMINATED, LeaveBy::OVER] {
        let by = LeaveBy::within(now, budget);
        let ends = STEPS.map(|step| by.until(step));
        assert!(ends.is_sorted_by(|a, b| a < b), "{budget:?}: {ends:?}");
        assert!(ends[0] > now && ends[4] == by.end());
    }
}

#[test]
fn a_sentence_is_heard_where_there_is_time_for_it() {
    let now = clock::now();
    let words = |budget| LeaveBy::within(now, budget).until(Step::Words) - now;
    assert_eq!(words(LeaveBy::ASKED), Duration::from_secs(10));
    assert_eq!(words(LeaveBy::TERMINATED), Duration::from_millis(1_400));
    assert_eq!(words(Duration::ZERO), Duration::ZERO);
}

#[test]
fn the_nearer_deadline_counts() {
    let now = clock::now();
    let (long, short) = (
        LeaveBy::within(now, LeaveBy::ASKED),
        LeaveBy::within(now + Duration::from_secs(1), LeaveBy::TERMINATED),
    );
    assert_eq!((long.nearer(short), short.nearer(long)), (short, short));
}

#[tokio::test]
async fn an_order_is_given_once_and_seen_by_all() {
    let (order, now) = (LeaveOrder::default(), clock::now());
    let seen = order.clone();
    assert!(!seen.is_given());
    let first = LeaveBy::within(now, LeaveBy::ASKED);
    order.give(first);
    order.give(LeaveBy::within(now, LeaveBy::TERMINATED));
    assert_eq!(seen.given().await, first);
    assert!(seen.is_given());
}
