
use super::*;

#[test]
fn durations_have_units() {
    for (text, ms) in [
        ("500ms", 500),
        ("1.5s", 1500),
        ("0.3s", 300),
        ("2m", 120_000),
    ] {
        assert_eq!(
            parse_duration(text),
            Some(Duration::from_millis(ms)),
            "{text}"
        );
    }
    for text in ["", "5", "ms", "-1s", "5 parsecs", "NaNs", "1e99h"] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

#[test]
fn edit_distances() {
    assert_eq!(edits("min_delay", "min_dealy"), 2);
    assert_eq!(edits("", "abc"), 3);
    assert_eq!(edits("voice", "voice"), 0);
}
