use std::f32::consts::TAU;
use std::path::Path;

use sidetone_base::audio::wav;

use super::*;

fn ear() -> Ear {
    Ear::new(&Voicemail {
        message: None,
        hello: Duration::from_secs(4),
        words: vec!["Reached the office of".into()],
    })
}

/// So many ms of these pitches at once.
fn sound(pitches: &[f32], ms: usize) -> Vec<Pcm<16_000>> {
    let sample = |n: usize| {
        let waves = pitches
            .iter()
            .map(|hz| (TAU * hz * n as f32 / 16_000.0).sin());
        (waves.sum::<f32>() * 6_000.0) as i16
    };
    let samples: Vec<i16> = (0..ms * 16).map(sample).collect();
    samples
        .chunks(160)
        .map(|frame| Pcm::new(frame.to_vec()))
        .collect()
}

fn hears(ear: &mut Ear, frames: &[Pcm<16_000>], is_speaking: bool) -> Vec<Told> {
    let mut told = Vec::new();
    for frame in frames {
        told.extend(ear.push(frame, is_speaking));
    }
    told
}

#[test]
fn a_tone_is_detected_when_it_ends_and_other_sounds_are_not() {
    for hz in [440.0, 1_000.0, 1_400.0, 2_000.0] {
        let mut ear = ear();
        assert_eq!(hears(&mut ear, &sound(&[hz], 400), false), [], "{hz}");
        let silence = sound(&[], 100);
        let expected = [Told::Machine(Sign::Tone), Told::Speak];
        assert_eq!(hears(&mut ear, &silence, false), expected, "{hz}");
    }
    let others: [(&[f32], usize); 5] = [
        // Too short; a key's two pitches; a line that rings (North America's), hum, and what is not heard.
        (&[1_000.0], 90),
        (&[770.0, 1_336.0], 400),
        (&[440.0, 480.0], 2_000),
        (&[100.0], 1_000),
        (&[7_000.0], 400),
    ];
    for (pitches, ms) in others {
        let mut ear = ear();
        let mut frames = sound(pitches, ms);
        frames.extend(sound(&[], 500));
        assert_eq!(hears(&mut ear, &frames, false), [], "{pitches:?}");
    }
}

#[test]
fn speech_is_not_a_tone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio");
    let mut seconds = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let is_speech = path.extension().is_some_and(|ending| ending == "wav");
        if !is_speech {
            continue;
        }
        let Ok(speech) = wav::read::<16_000>(&path) else {
            continue;
        };
        let mut tone = Tone::default();
        for frame in speech.samples().chunks(160) {
            assert!(!tone.push(frame), "{}", path.display());
        }
        seconds += speech.duration().as_secs();
    }
    assert!(seconds > 10, "{seconds} s of speech");
}

#[test]
fn a_long_greeting_is_a_machine_and_a_short_one_decides_nothing() {
    let mut ear = ear();
    let voice = sound(&[300.0, 517.0], 2_000);
    let pause = sound(&[], 800);
    assert_eq!(hears(&mut ear, &voice, true), []);
    assert_eq!(hears(&mut ear, &pause, false), []);
    assert_eq!(
        hears(&mut ear, &voice, true),
        [Told::Machine(Sign::Greeting)]
    );
    // It takes the message when it is silent, if there is no tone.
    assert_eq!(hears(&mut ear, &voice, true), []);
    let silence = sound(&[], 5_000);
    assert_eq!(hears(&mut ear, &silence, false), [Told::Speak]);
    assert!(ear.is_machine());

    // "Hello?", and then a long story.
    let mut ear = self::ear();
    assert_eq!(hears(&mut ear, &voice, true), []);
    assert_eq!(hears(&mut ear, &sound(&[], 1_300), false), []);
    assert_eq!(hears(&mut ear, &sound(&[300.0, 517.0], 9_000), true), []);
    assert!(!ear.is_machine());
}

#[test]
fn machines_are_known_by_their_words_while_they_are_said_first() {
    for words in [
        "Hi, this is Ada. Please leave a message after the beep!",
        "Hier ist die Mailbox von Ada Lovelace.",
        "Ada. Veuillez laisser un message.",
        "You have reached the office of Dr Babbage",
        "留守番電話サービスです",
    ] {
        assert_eq!(
            ear().said(words),
            Some(Told::Machine(Sign::Words)),
            "{words}"
        );
    }
    for words in [
        "Hello?",
        "Lovelace, who is there?",
        "Ja, hallo, wer spricht?",
        "",
    ] {
        assert_eq!(ear().said(words), None, "{words}");
    }
    let mut ear = ear();
    hears(&mut ear, &sound(&[], 21_000), false);
    assert_eq!(ear.said("Shall I leave a message for her?"), None);
}
