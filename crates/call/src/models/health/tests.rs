use super::*;
use sidetone_base::clock;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_provider_is_out_after_a_failure_and_back_after_a_probe() {
    let now = clock::now();
    let mut health = Health::default();
    assert!(!health.succeeded());
    assert!(health.failed(now));
    assert!(!health.is_good(now));
    assert!(!health.failed(now + SECOND), "it is out already");
    assert!(!health.probe_is_due(now + 4 * SECOND));
    assert!(health.probe_is_due(now + 5 * SECOND));
    assert!(!health.probe_is_due(now + 6 * SECOND), "one at a time");
    assert!(health.succeeded());
    assert!(health.is_good(now));
}

#[test]
fn probes_come_further_and_further_apart() {
    let mut now = clock::now();
    let mut health = Health::default();
    health.failed(now);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let begun = now;
        while !health.probe_is_due(now) {
            now += SECOND;
        }
        waits.push((now - begun).as_secs());
        health.probe_failed(now);
    }
    assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
}

#[test]
fn a_provider_that_names_a_retry_time_is_not_asked_before_it() {
    let now = clock::now();
    let mut health = Health::default();
    assert!(health.limited(now, Some(3 * SECOND)));
    assert!(!health.is_good(now + 2 * SECOND));
    assert!(
        !health.probe_is_due(now + 9 * SECOND),
        "nothing is to be found out"
    );
    assert!(health.is_good(now + 3 * SECOND));
    // It names no wait.
    assert!(health.limited(now + 3 * SECOND, None));
    assert!(!health.is_good(now + 4 * SECOND));
    // A rate limit does not make a failed provider healthy.
    let mut sick = Health::default();
    sick.failed(now);
    assert!(!sick.limited(now, Some(SECOND)));
    assert!(!sick.is_good(now + 2 * SECOND));
}

#[test]
fn a_lost_probe_is_repeated() {
    let now = clock::now();
    let mut health = Health::default();
    health.failed(now);
    assert!(health.probe_is_due(now + 5 * SECOND));
    assert!(health.probe_is_due(now + 15 * SECOND));
}
