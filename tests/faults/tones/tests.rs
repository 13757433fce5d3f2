use std::path::Path;

use sidetone_base::audio::{Pcm, Resampler, wav};

use super::*;

fn tone(hz: f64, samples: usize) -> Vec<i16> {
    let step = hz * std::f64::consts::TAU / 48_000.0;
    (0..samples)
        .map(|n| ((n as f64 * step).sin() * 8_192.0) as i16)
        .collect()
}

#[test]
fn a_question_is_known_by_its_mark_also_by_a_part_of_it() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/audio/caller-opening-hours.wav"
    );
    let voice: Pcm<48_000> = wav::read(Path::new(file)).unwrap();
    for n in 0..SUBJECTS.len() {
        let heard = Resampler::<48_000, 16_000>::convert(&marked(&voice, n));
        assert_eq!(mark_in(heard.samples()), Some(n));
        assert_eq!(mark_in(&heard.samples()[8_000..24_000]), Some(n));
    }
    let plain = Resampler::<48_000, 16_000>::convert(&voice);
    assert_eq!(mark_in(plain.samples()), None);
    assert_eq!(mark_in(&[0; 16_000]), None);
}

#[test]
fn what_is_said_is_known_by_its_tone() {
    for n in 0..SUBJECTS.len() {
        for remembers in [true, false] {
            let said = answer(n, remembers);
            for sentence in said.split_inclusive(". ") {
                let sound = Sound::of_text(sentence);
                assert_eq!(sound, Sound::Answer { n, remembers }, "{sentence}");
                let hz = hz_of(&tone(sound.hz(), 4_800), 48_000.0).unwrap();
                assert_eq!(Sound::of_hz(hz), Some(sound), "{hz}");
            }
        }
        assert_eq!(subject_of(&question(n)), Some(n));
    }
    assert_eq!(Sound::of_text(GREETING), Sound::Greeting);
    let known = Sound::of_hz(Sound::Greeting.hz());
    assert_eq!(known, Some(Sound::Greeting));
    assert_eq!(Sound::of_text("I am sorry about that."), Sound::Other);
    assert_eq!(Sound::of_hz(Sound::Other.hz()), Some(Sound::Other));
    let cut_off =
        "Sorry, we were cut off for a moment. If you said something, please say it again.";
    assert_eq!(Sound::of_text(cut_off), Sound::AsksAgain);
    let asks = Sound::of_hz(Sound::AsksAgain.hz());
    assert_eq!(asks, Some(Sound::AsksAgain));
    assert_eq!(Sound::of_hz(520.0), None);
    assert_eq!(hz_of(&[0; 4_800], 48_000.0), None);
}
