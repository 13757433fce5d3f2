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
fn the_nearest_name_is_suggested_only_when_it_is_near() {
    let known = ["voice", "min_delay", "max_delay"];
    assert_eq!(nearest("min_dealy", known), Some("min_delay"));
    assert_eq!(nearest("voices", known), Some("voice"));
    assert_eq!(nearest("greeting", known), None);
    assert_eq!(nearest("voice", []), None);
}
