use super::*;

#[test]
fn a_model_s_own_tokens_are_no_words() {
    for (text, words) in [
        (" Good morning. ", "Good morning."),
        (
            "<|en|><|NEUTRAL|><|Speech|><|woitn|>good morning",
            "good morning",
        ),
        ("<|0.00|> Good<|1.20|> morning.<|2.00|>", "Good morning."),
        ("language English<asr_text>Good morning.", "Good morning."),
        ("a <| b", "a <| b"),
        ("<|nospeech|>", ""),
    ] {
        assert_eq!(spoken(text), words, "{text}");
    }
}
