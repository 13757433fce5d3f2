use super::*;

#[test]
fn a_model_ends_with_all_its_dates_and_with_no_other() {
    let on = |model| ending(model).map(|ending| ending.on);
    assert_eq!(on("gpt-4o-mini"), Some("2027-01-14"));
    assert_eq!(on("gpt-4o-mini-2024-07-18"), Some("2027-01-14"));
    assert_eq!(on("gpt-4o-mini-tts"), Some("2027-01-06"));
    assert_eq!(on("gpt-4o-mini-tts-2025-03-20"), Some("2027-01-06"));
    for model in [default::STT, default::STT_LIVE, default::LLM, default::TTS] {
        assert_eq!(on(model), None, "{model}");
    }
}

#[test]
fn what_is_named_instead_does_not_end() {
    for Ending { model, instead, .. } in ENDINGS {
        assert_eq!(ending(instead), None, "{instead}, in place of {model}");
    }
}
