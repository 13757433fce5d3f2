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

#[test]
fn a_key_has_a_rate_of_its_own() {
    let now = sidetone_base::clock::now();
    let (fast, slow) = (Rate::a_minute(6_000), Rate::a_minute(6));
    assert_eq!((fast.burst, fast.per_second), (2_000.0, 100.0));
    let mut buckets = Buckets::new(fast);
    let taken = |buckets: &mut Buckets, who, rate| {
        (0..5_000)
            .filter(|_| buckets.take_at(now, who, rate).is_ok())
            .count()
    };
    assert_eq!(taken(&mut buckets, "shop", fast), 2_000);
    assert_eq!(taken(&mut buckets, "test", slow), 2);
    assert_eq!(buckets.take_at(now, "test", slow), Err(10));
    assert_eq!(Rate::a_minute(0), Rate::a_minute(1), "never none at all");
}
