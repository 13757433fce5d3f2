use super::*;

fn span(from: u64, to: u64) -> Span {
    Span {
        start: Duration::from_millis(from),
        end: Duration::from_millis(to),
    }
}

#[test]
fn silence_is_what_is_neither_heard_nor_the_callers_turn() {
    let longest = |mine: &[Span], heard: &[Span]| {
        longest_silence(span(1_000, 20_000), mine, heard).as_millis()
    };
    assert_eq!(longest(&[], &[]), 19_000);
    // From joining to the greeting, and from the last answer to hanging up.
    assert_eq!(longest(&[], &[span(4_000, 18_000)]), 3_000);
    assert_eq!(longest(&[], &[span(1_500, 15_000)]), 5_000);
    // In between, minus the caller's turn.
    let heard = [span(1_500, 3_000), span(12_000, 20_500)];
    assert_eq!(longest(&[], &heard), 9_000);
    assert_eq!(longest(&[span(3_000, 6_000)], &heard), 6_000);
    assert_eq!(longest(&[span(2_000, 12_500)], &heard), 500);
    // A turn that overlaps another stretch.
    assert_eq!(longest(&[span(3_500, 4_000)], &[span(1_000, 19_900)]), 100);
}

#[test]
fn each_broken_promise_is_reported() {
    assert_eq!(Found::default().broken(), Vec::<String>::new());
    // Bad to hear, but breaks no promise.
    let patient = Found {
        silence: Duration::from_secs(30),
        asked_again: 2,
        ..Found::default()
    };
    assert_eq!(patient.broken(), Vec::<String>::new());
    let broken = Found {
        alone: true,
        answered: 2,
        answered_again: 1,
        two_voices: Duration::from_millis(900),
        lost: vec!["a".into()],
        untrue: vec!["b".into(), "c".into()],
        ..Found::default()
    };
    assert_eq!(
        broken.broken(),
        [
            "alone after 2 answers",
            "two voices for 900ms",
            "1 answers said again",
            "lost: a",
            "untrue: b",
            "untrue: c",
        ]
    );
}
