use super::super::caller::{Piece, Sound};
use super::*;
use crate::caller::script::Cue;

/// Stretches of voice and of silence in turn, in ms; no two samples are alike, as in real sound.
fn samples(stretches: &[usize], seed: i16) -> Vec<i16> {
    let mut samples = Vec::new();
    for (number, ms) in stretches.iter().enumerate() {
        let voice = number % 2 == 0;
        let wave = (0..ms * 16).map(|n| 3_000 + (n as i16 % 977) + seed);
        samples.extend(wave.map(|level| if voice { level } else { 0 }));
    }
    samples
}

/// What was sent of a caller who says `words` after a second of silence, then is silent for a second.
fn sent(sent: &mut Sent, words: &str, stretches: &[usize], seed: i16) {
    sent.push(&Pcm::silence(Duration::from_secs(1)));
    let samples = Pcm::new(samples(stretches, seed));
    let sound = Sound::new(samples.clone()).unwrap();
    let words: Vec<&str> = words.split('…').collect();
    let pieces = words.iter().zip(sound.pieces(words.len()).unwrap());
    let pieces = pieces.map(|(words, voiced)| Piece {
        words: words.trim().to_owned(),
        voiced,
    });
    sent.begins(&Turn {
        words: String::new(),
        pieces: pieces.collect(),
        sound: Some(sound),
        cue: Cue::AgentDone,
    });
    sent.push(&samples);
    sent.push(&Pcm::silence(Duration::from_secs(1)));
}

/// Of what was sent, from one ms to another.
fn words(sent: &Sent, from: usize, to: usize) -> String {
    sent.words_in(&sent.samples[from * 16..to * 16])
}

#[test]
fn a_part_of_a_turn_has_as_many_of_its_words() {
    let mut all = Sent::default();
    sent(&mut all, "one two three four", &[2_000], 0);
    assert_eq!(words(&all, 500, 4_000), "one two three four");
    assert_eq!(words(&all, 500, 2_000), "one two");
    assert_eq!(words(&all, 2_000, 3_500), "three four");
    assert_eq!(words(&all, 0, 900), "");
    assert_eq!(words(&all, 3_100, 3_900), "");
}

#[test]
fn a_pause_in_the_words_is_the_recordings_own() {
    let mut all = Sent::default();
    sent(
        &mut all,
        "a b c d e … f … g h.",
        &[300, 700, 900, 400, 300],
        0,
    );
    assert_eq!(words(&all, 0, 1_500), "a b c d e");
    assert_eq!(words(&all, 500, 3_000), "a b c d e f");
    assert_eq!(words(&all, 1_400, 4_600), "f g h.");
}

#[test]
fn two_turns_are_told_apart_by_their_sound() {
    let mut all = Sent::default();
    sent(&mut all, "Hello.", &[1_000], 0);
    sent(&mut all, "Goodbye now.", &[1_000], 7);
    assert_eq!(words(&all, 800, 2_500), "Hello.");
    assert_eq!(words(&all, 3_500, 5_500), "Goodbye now.");
    assert_eq!(words(&all, 0, 6_000), "Hello. Goodbye now.");
}

#[test]
fn words_without_spaces_are_parted_too() {
    let mut all = Sent::default();
    sent(&mut all, "早上好。你好吗？", &[2_000], 0);
    let first = words(&all, 500, 2_000);
    let second = words(&all, 2_000, 3_500);
    assert!(!first.is_empty() && !second.is_empty());
    assert_eq!(first + &second, "早上好。你好吗？");
}

#[tokio::test(start_paused = true)]
async fn hearing_takes_its_time() {
    let mut all = Sent::default();
    sent(&mut all, "Hello.", &[1_000], 0);
    let audio = Pcm::new(all.samples.clone());
    let ears = Ears::new(Arc::new(Mutex::new(all)), Duration::from_millis(300));
    let begun = sidetone_base::clock::now();
    assert_eq!(ears.transcribe(audio).await.unwrap(), "Hello.");
    let took = sidetone_base::clock::now() - begun;
    assert_eq!(took, Duration::from_millis(300));
}
