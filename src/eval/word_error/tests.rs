use super::word_error_rate;

#[test]
fn counts_substitutions_insertions_and_deletions() {
    for (said, heard, expected) in [
        ("", "", 0.0),
        ("", "hello", 1.0),
        ("hello", "", 1.0),
        ("How can I help you?", "how can i help you", 0.0),
        ("how can I help you", "how can I kelp you", 0.2),
        ("how can I help you", "how I help you", 0.2),
        ("how can I help you", "how can I really help you", 0.2),
        ("check-in at five", "check in at five", 0.0),
        ("one two", "three four five six", 2.0),
    ] {
        assert_eq!(
            word_error_rate(said, heard),
            expected,
            "{said:?} heard as {heard:?}"
        );
    }
}
