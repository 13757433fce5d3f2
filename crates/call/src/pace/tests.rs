use super::*;
use sidetone_base::clock;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_third_of_the_requests_may_come_at_once_and_the_rest_at_intervals() {
    let begun = clock::now();
    let mut pace = Pace::default();
    for _ in 0..20 {
        assert_eq!(pace.take(begun, 60), Ok(()));
    }
    assert_eq!(pace.take(begun, 60), Err(begun + SECOND));
    // A refused request has used nothing.
    assert_eq!(pace.take(begun, 60), Err(begun + SECOND));
    assert_eq!(pace.take(begun + SECOND, 60), Ok(()));
    assert_eq!(pace.take(begun + SECOND, 60), Err(begun + 2 * SECOND));
    // The full burst is available again after the time it represents.
    let later = begun + 60 * SECOND;
    let taken = (0..100).filter(|_| pace.take(later, 60).is_ok());
    assert_eq!(taken.count(), 20);
}

#[test]
fn at_least_one_request_is_always_allowed() {
    let begun = clock::now();
    for a_minute in [0, 1, 2] {
        let mut pace = Pace::default();
        assert_eq!(pace.take(begun, a_minute), Ok(()));
        assert!(pace.take(begun, a_minute).is_err());
        assert_eq!(pace.take(begun + 60 * SECOND, a_minute), Ok(()));
    }
}
