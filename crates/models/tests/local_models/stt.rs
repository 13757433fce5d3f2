//! Whisper hears what was said, and nothing if nothing was said.

use crate::wer::word_error_rate;
use crate::{fixture, models};

/// What OpenAI's Whisper base writes for these clips in 30 s windows; the short audio context and the quantised
/// weights must not change it.
const CLIPS: [(&str, &str, &[u32]); 3] = [
    (
        "librivox-not-ill-disposed",
        "He was not an ill-disposed young man.",
        &[634, 390, 406, 364, 3171, 12, 67, 7631, 1744, 2037, 587, 13],
    ),
    (
        "librivox-cold-hearted",
        "Unless to be rather cold-hearted and rather selfish is to be ill-disposed.",
        &[
            16581, 281, 312, 2831, 3554, 12, 25471, 293, 2831, 19074, 307, 281, 312, 3171, 12, 67,
            7631, 1744, 13,
        ],
    ),
    (
        "librivox-made-amiable",
        "He might even have been made amiable himself.",
        &[634, 1062, 754, 362, 668, 1027, 669, 9364, 3647, 13],
    ),
];

#[tokio::test]
async fn clips_give_their_golden_tokens() {
    for (name, text, tokens) in CLIPS {
        let samples = fixture(name);
        let seconds = samples.len() as f32 / 16_000.0;
        let transcript = models().stt.transcribe(samples, "en").await.unwrap();
        assert_eq!(transcript.text, text);
        assert_eq!(transcript.segments[0].tokens, tokens, "{name}");
        assert!((transcript.duration - seconds).abs() < 1e-3);
        assert!(transcript.segments[0].no_speech_prob < 0.1);
        assert!(transcript.segments[0].avg_logprob > -0.5);
    }
}

#[tokio::test]
async fn english_is_detected_where_no_language_is_set() {
    for (name, text, _) in CLIPS {
        let transcript = models().stt.transcribe(fixture(name), None).await.unwrap();
        assert_eq!(
            (transcript.language.as_str(), transcript.text.as_str()),
            ("en", text)
        );
        assert!(transcript.segments[0].no_speech_prob < 0.1);
    }
    let short = models().stt.transcribe(fixture("cards-five-five"), None);
    assert_eq!(short.await.unwrap().language, "en");
}

#[tokio::test]
async fn german_is_heard_as_german_where_no_language_is_set() {
    let german = fixture("german-table-for-four");
    let transcript = models().stt.transcribe(german, None).await.unwrap();
    assert_eq!(transcript.language, "de", "«{}»", transcript.text);
    let text = transcript.text.to_lowercase();
    assert!(text.contains("tisch"), "«{text}»");
}

#[tokio::test]
async fn words_are_heard_right() {
    let mut rates = Vec::new();
    for (name, said) in [
        (
            "librivox-not-ill-disposed",
            "he was not an ill disposed young man",
        ),
        (
            "librivox-cold-hearted",
            "unless to be rather cold hearted and rather selfish is to be ill disposed",
        ),
        (
            "librivox-made-amiable",
            "he might even have been made amiable himself",
        ),
        ("cards-five-five", "five five"),
        (
            "cards-eight-of-spades",
            "eight of spades four of clubs seven of hearts",
        ),
    ] {
        let heard = models()
            .stt
            .transcribe(fixture(name), "en")
            .await
            .unwrap()
            .text;
        let rate = word_error_rate(said, &heard);
        println!("{name}: {rate:.2} «{heard}»");
        rates.push(rate);
    }
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    assert!(mean <= 0.05, "mean word error rate {mean:.3}");
}

#[tokio::test]
async fn silence_and_noise_are_not_speech() {
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut brown = 0.0;
    let count = 3 * 16_000;
    let cases: [(&str, Vec<f32>); 7] = [
        ("nothing", vec![]),
        ("one sample", vec![0.5]),
        ("silence", vec![0.0; count]),
        (
            "faint noise",
            (0..count).map(|_| random() * 0.003).collect(),
        ),
        ("noise", (0..count).map(|_| random() * 0.05).collect()),
        (
            "rumble",
            (0..count)
                .map(|_| {
                    brown = brown * 0.99 + random() * 0.01;
                    brown
                })
                .collect(),
        ),
        (
            "hum",
            (0..count)
                .map(|n| (n as f32 * 0.0196).sin() * 0.1)
                .collect(),
        ),
    ];
    for (name, samples) in cases {
        let transcript = models().stt.transcribe(samples, "en").await.unwrap();
        assert_eq!(transcript.text, "", "{name}: {transcript:?}");
        assert!(transcript.segments.is_empty());
    }
}

#[tokio::test]
async fn repeated_short_words_do_not_run_away() {
    let five = fixture("cards-five-five");
    let many: Vec<f32> = std::iter::repeat_n(five.clone(), 5).flatten().collect();
    for samples in [five, many] {
        let seconds = samples.len() as f32 / 16_000.0;
        let transcript = models().stt.transcribe(samples, "en").await.unwrap();
        let words = transcript.text.split_whitespace().count() as f32;
        assert!(!transcript.text.is_empty());
        assert!(words <= 3.0 * seconds, "{seconds} s: «{}»", transcript.text);
    }
}

#[tokio::test]
async fn long_audio_is_transcribed_in_stretches() {
    let clips = CLIPS.map(|(name, text, _)| (fixture(name), text));
    let pause = vec![0.0; 16_000];
    let (mut samples, mut said) = (Vec::new(), String::new());
    while samples.len() < 40 * 16_000 {
        for (clip, text) in &clips {
            samples.extend_from_slice(clip);
            samples.extend_from_slice(&pause);
            said = said + text + " ";
        }
    }
    let transcript = models().stt.transcribe(samples, "en").await.unwrap();
    assert!(transcript.segments.len() >= 2);
    assert!(
        transcript
            .segments
            .windows(2)
            .all(|pair| pair[0].end <= pair[1].start)
    );
    let rate = word_error_rate(&said, &transcript.text);
    assert!(rate <= 0.1, "{rate:.2} «{}»", transcript.text);
}
