use super::*;

#[test]
fn a_voice_is_a_name() {
    for name in ["alloy", "marin", "voice_abc123", "en_US-joe.medium", "Kore"] {
        let voice: Voice = name.parse().unwrap();
        assert_eq!(voice.as_str(), name);
    }
    let long = "x".repeat(65);
    for name in ["", "my voice", "a/b", "zoë", "a\n", &long] {
        assert!(name.parse::<Voice>().is_err(), "{name:?}");
    }
    assert!(Voice::default().is_known());
}
