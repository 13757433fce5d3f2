use super::*;

#[test]
fn is_deaf_while_the_agent_speaks_and_a_moment_longer() {
    let start = sidetone_base::clock::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut gate = HalfDuplex::new(false);
    assert!(gate.hears(at(0)));
    gate.said(at(10), Duration::from_millis(40));
    assert!(!gate.hears(at(10)) && !gate.hears(at(249)));
    assert!(gate.hears(at(250)));
    // A shorter remainder does not end it sooner.
    gate.said(at(20), Duration::ZERO);
    assert!(!gate.hears(at(249)));
}

#[test]
fn with_headphones_the_agent_can_be_interrupted() {
    let start = sidetone_base::clock::now();
    let mut gate = HalfDuplex::new(true);
    gate.said(start, Duration::from_secs(1));
    assert!(gate.hears(start));
}
