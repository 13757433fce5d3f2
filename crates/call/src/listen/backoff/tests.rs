use super::*;
use sidetone_base::clock;

#[test]
fn waits_double_up_to_the_longest_and_begin_anew() {
    let mut now = clock::now();
    let mut backoff = Backoff::default();
    let mut waits = Vec::new();
    for _ in 0..7 {
        assert!(backoff.is_over(now));
        backoff.failed(now);
        let begun = now;
        while !backoff.is_over(now) {
            now += Duration::from_millis(100);
        }
        waits.push((now - begun).as_millis());
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
    backoff.worked();
    assert!(backoff.is_over(now));
}
