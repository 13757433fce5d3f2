//! Piper says what it is told, in six voices.

use sidetone_models::tts::{LocalVoice, RATE};

use crate::wer::word_error_rate;
use crate::{models, to_16k};

async fn say(text: &str, voice: LocalVoice, speed: f32) -> Vec<Vec<i16>> {
    let mut speech = models().tts.speak(text, voice, speed);
    let mut stretches = Vec::new();
    while let Some(stretch) = speech.next().await {
        stretches.push(stretch.unwrap());
    }
    stretches
}

#[tokio::test]
async fn every_voice_is_understood_by_the_local_ear() {
    let text = "Thank you for calling. Your order left our warehouse this morning, \
                and it should arrive on Thursday. Is there anything else I can help you with?";
    for voice in LocalVoice::ALL {
        let samples = say(text, voice, 1.0).await.concat();
        let heard = models()
            .stt
            .transcribe(to_16k(&samples), "en")
            .await
            .unwrap()
            .text;
        let rate = word_error_rate(text, &heard);
        println!("{}: {rate:.2} «{heard}»", voice.name());
        assert!(rate <= 0.35, "{}: {rate:.2} «{heard}»", voice.name());
    }
}

/// The median fundamental frequency of voiced stretches, by autocorrelation.
fn pitch(samples: &[i16]) -> f32 {
    let mut pitches: Vec<f32> = samples
        .chunks_exact(RATE as usize / 20)
        .filter_map(|chunk| {
            let x: Vec<f32> = chunk.iter().map(|s| f32::from(*s) / 32_768.0).collect();
            let energy: f32 = x.iter().map(|s| s * s).sum();
            let (shortest, longest) = (RATE as usize / 320, RATE as usize / 65);
            let correlation = |lag: usize| {
                let sum: f32 = x[lag..].iter().zip(&x).map(|(a, b)| a * b).sum();
                sum / energy * x.len() as f32 / (x.len() - lag) as f32
            };
            let lag =
                (shortest..longest).max_by(|a, b| correlation(*a).total_cmp(&correlation(*b)))?;
            (energy > 5.0 && correlation(lag) > 0.6).then(|| RATE as f32 / lag as f32)
        })
        .collect();
    pitches.sort_by(f32::total_cmp);
    pitches[pitches.len() / 2]
}

#[tokio::test]
async fn voices_can_be_told_apart() {
    // the melody of a reading is drawn by chance: several even it out
    let text = "We are open from nine in the morning until six. Your order is on its way. \
                Please tell me your name and the town you live in. I will look that up for you. \
                The number is on the back of the card. It takes three days at most.";
    let mut pitches = Vec::new();
    for voice in LocalVoice::ALL {
        let samples = say(text, voice, 1.0).await;
        pitches.push((pitch(&samples.concat()), voice.name()));
    }
    pitches.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("{pitches:?}");
    for pair in pitches.windows(2) {
        // half a semitone is about what a listener notices between two voices
        assert!(pair[1].0 / pair[0].0 > 1.03, "{pair:?}");
    }
    assert!(pitches[5].0 / pitches[0].0 > 1.4, "{pitches:?}");
}

#[tokio::test]
async fn speed_changes_the_length_and_not_the_pitch() {
    let text = "This is how fast I speak when I read you the whole of my address.";
    let lengths = [0.5, 1.0, 2.0].map(|speed| say(text, LocalVoice::Alloy, speed));
    let [slow, normal, fast] = futures::future::join_all(lengths).await.try_into().unwrap();
    let (slow, normal, fast) = (slow.concat(), normal.concat(), fast.concat());
    let ratio = |a: &[i16], b: &[i16]| a.len() as f32 / b.len() as f32;
    assert!((1.5..2.6).contains(&ratio(&slow, &normal)));
    assert!((1.4..2.6).contains(&ratio(&normal, &fast)));
    // played slower instead of spoken slower, it would be half as high; the
    // melody of two readings differs by some tones
    let ratio = pitch(&slow) / pitch(&normal);
    assert!((0.7..1.4).contains(&ratio), "{ratio}");
}

#[tokio::test]
async fn a_long_text_comes_in_stretches_and_the_first_is_short() {
    let text = "Thank you for calling, and welcome to the support line of our shop. ".repeat(12);
    let stretches = say(&text, LocalVoice::Echo, 1.0).await;
    assert!(stretches.len() >= 12);
    let seconds = |stretch: &Vec<i16>| stretch.len() as f32 / RATE as f32;
    assert!(seconds(&stretches[0]) < 2.5);
    assert!(stretches.iter().all(|stretch| seconds(stretch) < 9.0));
}

#[tokio::test]
async fn any_text_is_survived() {
    let long = "a".repeat(500);
    for text in [
        "…",
        "🙂🙂",
        "日本語のテキスト",
        "\u{0}\u{1}",
        "<script>alert(1)</script>",
        "((((",
        "§ ¶ ‰",
        "3.14159265358979 2026-11-22 10:45 +49 (0)30 123456 €99.99 1/2",
        "ACME GmbH & Co. KG",
        "don't can't I'd we've o'clock",
        "https://example.com/a?b=c&d=e",
        "Zxqv brrr hmm",
        &long,
        "مرحبا",
        "e\u{301}\u{301}\u{301}",
        "**bold** _and_ `code`\n- a list\n- of things",
    ] {
        let samples = say(text, LocalVoice::Fable, 1.0).await.concat();
        assert!(samples.len() < RATE as usize * 120, "{text}");
    }
}
