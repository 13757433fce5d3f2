//! A model's text on its way to the voice.

use std::collections::BTreeMap;

use sidetone_call::sentences::Sentences;
use sidetone_call::speech_text::{Pronunciations, SpeechText};

use super::text;

pub const TEXT: &[&[u8]] = &[
    b". ",
    b"! ",
    b"\n",
    b"```\n",
    b"| a | b |\n",
    b"**",
    b"](https://a.example)",
    b"3.5",
    b"$1,234.56",
    b"9:00 a.m.",
    b"123-45-6789",
    "。".as_bytes(),
    "।".as_bytes(),
    "👍🏽".as_bytes(),
    b"Dr. ",
    b"https://www.example.com/a?b=c",
];
/// Chosen by the first byte of an input.
const LANGUAGES: [Option<&str>; 6] = [
    None,
    Some("en"),
    Some("de"),
    Some("zh"),
    Some("hi"),
    Some("th"),
];

fn of(input: &[u8]) -> (Option<&'static str>, usize, std::borrow::Cow<'_, str>) {
    let (first, rest) = input.split_first().unwrap_or((&0, input));
    let first = usize::from(*first);
    (
        LANGUAGES[first % LANGUAGES.len()],
        1 + first / 6,
        text(rest),
    )
}

/// However the text is split into pieces, everything speakable is spoken, and nothing is spoken twice.
pub fn sentences(input: &[u8]) {
    let (language, step, written) = of(input);
    let mut sentences = Sentences::new(language);
    let mut said = Vec::new();
    let characters: Vec<char> = written.chars().collect();
    for piece in characters.chunks(step) {
        let piece: String = piece.iter().collect();
        said.extend(sentences.push(&piece));
        let _ = sentences.likely();
    }
    said.extend(sentences.finish());
    assert!(said.iter().all(|sentence| !sentence.trim().is_empty()));
    let letters = |text: &str| {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.collect::<String>()
    };
    assert_eq!(letters(&said.concat()), letters(&written));
}

/// The number of spoken words per letter is limited.
pub fn speech_text(input: &[u8]) {
    let (language, _, written) = of(input);
    let names = BTreeMap::from([("nginx".to_owned(), "engine x".to_owned())]);
    let mut speech = SpeechText::new(language, Pronunciations::new(&names));
    for line in written.split_inclusive('\n') {
        if let Some(spoken) = speech.speak(line) {
            assert!(spoken.chars().any(char::is_alphanumeric), "{spoken:?}");
            assert!(!spoken.contains("  "), "{spoken:?}");
            let most = 64 + 40 * line.chars().count();
            assert!(spoken.chars().count() <= most, "{line:?}: {spoken:?}");
        }
    }
}
