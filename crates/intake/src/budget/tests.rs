use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "any instant does")]
    Instant::now()
}

#[test]
fn a_burst_is_taken_at_once_and_then_as_fast_as_it_fills() {
    let now = start();
    let mut bucket = Bucket::full(Budget::per_second(3, 2));
    assert!((0..3).all(|_| bucket.take(now, 1)));
    assert!(!bucket.take(now, 1));
    assert!(!bucket.take(now + SECOND / 2 - Duration::from_millis(1), 1));
    assert!(bucket.take(now + SECOND / 2, 1));
    assert!(!bucket.take(now + SECOND / 2, 1));
    // It never holds more than a burst.
    let later = now + SECOND * 3600;
    assert!(bucket.take(later, 3));
    assert!(!bucket.take(later, 1));
}

#[test]
fn what_is_refused_costs_nothing() {
    let now = start();
    let mut bucket = Bucket::full(Budget::per_second(10, 1));
    assert!(!bucket.take(now, 11));
    assert!(!bucket.take(now, usize::MAX));
    assert!(bucket.take(now, 10));
}

proptest! {
    #[test]
    fn no_more_comes_than_the_budget_allows(
        steps in prop::collection::vec((0..2_000_u64, 0..30_usize), 0..200),
    ) {
        let (begin, budget) = (start(), Budget::per_second(20, 5));
        let (mut bucket, mut now, mut taken) = (Bucket::full(budget), begin, 0);
        for (wait, count) in steps {
            now += Duration::from_millis(wait);
            if bucket.take(now, count) {
                taken += count;
            }
            let most = 20.0 + 5.0 * (now - begin).as_secs_f64();
            prop_assert!(taken as f64 <= most + 1e-6);
        }
    }
}
