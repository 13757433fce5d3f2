use super::*;
use sidetone_base::clock;
use std::time::Duration;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn silence_means_away_and_then_over_each_once() {
    let rules = SilenceConfig {
        away_after: secs(15),
        hang_up_after: secs(60),
        ..SilenceConfig::default()
    };
    let zero = clock::now();
    let mut silence = Silence::default();
    assert_eq!(silence.next(&rules), None);
    silence.goes_on(zero);
    silence.goes_on(zero + secs(3));
    assert_eq!(silence.next(&rules), Some(zero + secs(15)));
    assert_eq!(silence.due(zero + secs(14), &rules), None);
    assert_eq!(silence.due(zero + secs(15), &rules), Some(Due::Away));
    assert_eq!(silence.due(zero + secs(16), &rules), None);
    assert_eq!(silence.due(zero + secs(60), &rules), Some(Due::HangUp));
    assert_eq!(silence.next(&rules), None);
    silence.broken();
    silence.goes_on(zero + secs(100));
    assert_eq!(silence.next(&rules), Some(zero + secs(115)));
}

#[test]
fn zero_means_never() {
    let rules = SilenceConfig {
        away_after: secs(0),
        hang_up_after: secs(0),
        ..SilenceConfig::default()
    };
    let mut silence = Silence::default();
    silence.goes_on(clock::now());
    assert_eq!(silence.next(&rules), None);
}
