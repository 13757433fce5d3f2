use super::*;

#[test]
fn words_are_made_up_when_the_signs_say_so() {
    let made_up = ["thank you".to_owned()];
    for (text, no_speech_prob, avg_logprob, expected) in [
        ("Thank you.", None, None, false),
        ("Thank you.", Some(0.1), Some(-0.2), false),
        ("Thank you.", Some(0.9), Some(-0.2), true),
        (" Thank   YOU!", None, Some(-1.5), true),
        ("No, thank you.", Some(0.9), Some(-0.2), false),
        ("Hello?", Some(0.9), Some(-0.2), false),
        ("Hello?", Some(0.9), Some(-1.2), true),
        ("Hello?", Some(0.9), None, true),
        ("Hello?", None, Some(-3.0), false),
        ("Hello?", Some(0.5), Some(-3.0), false),
    ] {
        let transcript = Transcript {
            text: text.into(),
            no_speech_prob,
            avg_logprob,
        };
        let answer = transcript.is_hallucinated(0.6, -1.0, &made_up);
        assert_eq!(answer, expected, "{transcript:?} {text}");
    }
}
