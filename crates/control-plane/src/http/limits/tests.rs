use super::*;
use std::time::Duration;

#[test]
fn a_burst_then_a_trickle() {
    let now = sidetone_base::clock::now();
    let mut buckets = Buckets::new(Rate {
        burst: 3.0,
        per_second: 0.5,
    });
    for _ in 0..3 {
        assert_eq!(buckets.take(now, "ann"), Ok(()));
    }
    assert_eq!(buckets.take(now, "ann"), Err(2));
    assert_eq!(buckets.take(now, "bob"), Ok(()), "others are not concerned");
    assert_eq!(buckets.take(now + Duration::from_secs(2), "ann"), Ok(()));
    assert_eq!(buckets.take(now + Duration::from_secs(2), "ann"), Err(2));
}

#[test]
fn memory_is_bounded() {
    let now = sidetone_base::clock::now();
    let mut buckets = Buckets::new(Rate {
        burst: 2.0,
        per_second: 1.0,
    });
    for n in 0..MAX_BUCKETS + 5 {
        let _ = buckets.take(now, &n.to_string());
    }
    assert_eq!(buckets.buckets.len(), MAX_BUCKETS);
    assert_eq!(buckets.take(now + Duration::from_secs(5), "new"), Ok(()));
    assert_eq!(buckets.buckets.len(), 1);
}
