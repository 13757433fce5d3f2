use super::*;

fn run(lateness_ms: impl Fn(u64) -> u64) -> Duration {
    let start = crate::engine::clock::now();
    let mut delay = DelayEstimator::default();
    for n in 0..300 {
        let arrival = start + Duration::from_millis(20 * n + lateness_ms(n));
        delay.update(960 * n, arrival);
    }
    delay.target()
}

#[test]
fn a_steady_network_needs_the_margin_only() {
    assert_eq!(run(|_| 0), MARGIN);
}

#[test]
fn spread_is_covered_and_rare_outliers_are_not() {
    assert_eq!(run(|n| (n % 5) * 10), Duration::from_millis(40) + MARGIN);
    assert_eq!(run(|n| if n % 100 == 7 { 300 } else { 0 }), MARGIN);
}

#[test]
fn the_limit_holds() {
    assert_eq!(run(|n| (n % 2) * 3000), LIMIT);
}

#[test]
fn a_clock_that_stood_still_while_its_sender_was_muted_is_not_jitter() {
    let muted = |n: u64| if n < 150 { 0 } else { 30_000 };
    let start = crate::engine::clock::now();
    let mut delay = DelayEstimator::default();
    for n in 0..300 {
        delay.update(960 * n, start + Duration::from_millis(20 * n + muted(n)));
        assert_eq!(delay.target(), MARGIN, "after {n} packets");
    }
}
