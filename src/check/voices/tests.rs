use super::*;

#[test]
fn substitute_voices_are_reported() {
    let realtime = names(TtsProtocol::Realtime);
    for stand_in in [
        "fable (spoken by verse)",
        "onyx (spoken by cedar)",
        "nova (spoken by marin)",
    ] {
        assert!(realtime.contains(stand_in), "{realtime}");
    }
    assert!(!names(TtsProtocol::Speech).contains("spoken by"));
    assert!(is_known("cedar") && is_known("voice_123") && !is_known("bob"));
}
