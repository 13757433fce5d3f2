use super::*;

/// Each case is a sentence as it is written (`\n` is a line break), and below it, after `> `, as
/// it is spoken; `> -` when there is nothing to say.
const CASES: &str = include_str!("cases.txt");

fn cases() -> Vec<(String, Option<String>)> {
    let lines = CASES
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("// "));
    let lines: Vec<&str> = lines.collect();
    lines
        .chunks(2)
        .map(|pair| {
            let spoken = pair[1]
                .strip_prefix("> ")
                .unwrap_or_else(|| panic!("{pair:?}"));
            (
                pair[0].replace("\\n", "\n"),
                (spoken != "-").then(|| spoken.to_owned()),
            )
        })
        .collect()
}

fn speak(sentence: &str) -> Option<String> {
    SpeechText::new(Some("en"), Pronunciations::default()).speak(sentence)
}

#[test]
fn every_case_is_spoken_as_written() {
    let cases = cases();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(written, spoken)| speak(written) != *spoken)
        .map(|(written, spoken)| {
            let got = speak(written).unwrap_or_default();
            format!(
                "{written}\n  {got}\n  expected {}",
                spoken.as_deref().unwrap_or("nothing")
            )
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_is_spoken_has_no_digits_and_no_markup() {
    for (written, _) in cases() {
        let spoken = speak(&written).unwrap_or_default();
        let marks = "0123456789*_`#<>{}[]()|~^&@=$€£%°";
        assert!(
            !spoken.contains(|c| marks.contains(c)),
            "{written:?}: {spoken:?}"
        );
        assert!(
            !spoken.contains("  ") && spoken.trim() == spoken,
            "{written:?}: {spoken:?}"
        );
    }
}

#[test]
fn what_is_spoken_is_spoken_the_same_again() {
    for (_, spoken) in cases() {
        let Some(spoken) = spoken else { continue };
        assert_eq!(speak(&spoken).as_deref(), Some(spoken.as_str()));
    }
}

#[test]
fn code_blocks_are_skipped_however_they_are_divided() {
    let mut text = SpeechText::new(Some("en"), Pronunciations::default());
    let lines = [
        "Here it is:",
        "```rust",
        "let a = 1;",
        "a.b(); c.d()",
        "```",
        "Now run it.",
    ];
    let spoken: Vec<String> = lines.iter().filter_map(|line| text.speak(line)).collect();
    assert_eq!(spoken, ["Here it is:", "Now run it."]);
    let spoken = text.speak("So:\n```\ncode\n```\nDone.");
    assert_eq!(spoken.as_deref(), Some("So: Done."));
}

#[test]
fn a_text_in_sentences_says_the_same_as_whole() {
    use crate::sentences::Sentences;
    let text = "Dr. Smith paid $3.50 at 10:30 a.m. on 2024-03-15. Write to jane.doe@example.com \
                or see https://example.com/a! **It costs 5 km.** 😀 OK?";
    let mut speech = SpeechText::new(Some("en"), Pronunciations::default());
    let mut sentences = Sentences::new(Some("en"));
    let mut spoken = Vec::new();
    for letter in text.chars() {
        spoken.extend(sentences.push(&letter.to_string()));
    }
    spoken.extend(sentences.finish());
    let spoken: Vec<String> = spoken.iter().filter_map(|s| speech.speak(s)).collect();
    assert_eq!(Some(spoken.join(" ")), speak(text));
}

proptest::proptest! {
    /// However a model's tokens cut its answer, the same is said.
    #[test]
    fn any_chunking_is_spoken_the_same(
        picks in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 1..6),
        sizes in proptest::collection::vec(1usize..12, 1..40),
    ) {
        let cases = cases();
        let text: Vec<&str> = picks.iter().map(|pick| pick.get(&cases).0.as_str()).collect();
        let text = text.join(" ");
        let mut sizes = sizes.iter().cycle();
        let letters: Vec<char> = text.chars().collect();
        let mut chunks = Vec::new();
        let mut rest = letters.as_slice();
        while !rest.is_empty() {
            let size = rest.len().min(*sizes.next().unwrap());
            chunks.push(rest[..size].iter().collect::<String>());
            rest = &rest[size..];
        }
        proptest::prop_assert_eq!(spoken_of(&chunks), spoken_of(&[text]));
    }
}

fn spoken_of(chunks: &[String]) -> Vec<String> {
    let mut sentences = crate::sentences::Sentences::new(Some("en"));
    let mut written: Vec<String> = chunks
        .iter()
        .flat_map(|chunk| sentences.push(chunk))
        .collect();
    written.extend(sentences.finish());
    let mut speech = SpeechText::new(Some("en"), Pronunciations::default());
    written
        .iter()
        .filter_map(|sentence| speech.speak(sentence))
        .collect()
}

#[test]
fn an_agent_has_its_own_pronunciations() {
    let map = [
        ("nginx", "engine ex"),
        ("SQL", "sequel"),
        ("San José", "San Ho-ZAY"),
        ("San", "Sahn"),
        ("C++", "see plus plus"),
        (" ", "nothing"),
    ];
    let map = map
        .map(|(word, spoken)| (word.to_owned(), spoken.to_owned()))
        .into();
    let mut text = SpeechText::new(Some("en-US"), Pronunciations::new(&map));
    let mut speak = |sentence| text.speak(sentence).unwrap();
    assert_eq!(
        speak("Nginx and SQL in San José."),
        "engine ex and sequel in San Ho-ZAY."
    );
    assert_eq!(
        speak("San Diego writes C++, not sql."),
        "Sahn Diego writes see plus plus, not sql."
    );
    assert_eq!(speak("PostgreSQL"), "PostgreSQL");
}

#[test]
fn numbers_are_left_alone_where_no_language_is_known() {
    let mut text = SpeechText::new(None, Pronunciations::default());
    for sentence in [
        "Wir haben um 9:00 Uhr offen, und es kostet 45,50 €.",
        "Het kost 45,50 € om 9:00 uur.",
        "Cuesta 45,50 € a las 9:00.",
        "Il costo è 45,50 €.",
        "9:00 – 17:00",
        "我们9:00开门，价格是45.50。",
    ] {
        assert_eq!(text.speak(sentence).as_deref(), Some(sentence));
    }
    // What is clearly English is said as such.
    let spoken = text.speak("**We** are open from 9:00, and it costs $3.50.");
    let expected = "We are open from nine o'clock, and it costs three dollars and fifty cents.";
    assert_eq!(spoken.as_deref(), Some(expected));
}

#[test]
fn scripts_keep_their_joiners_and_brackets() {
    let mut text = SpeechText::new(Some("fa"), Pronunciations::default());
    let persian = "می\u{200c}خواهم بروم؟";
    assert_eq!(text.speak(persian).as_deref(), Some(persian));
    let spoken = text.speak("क्\u{200d}ष 👨\u{200d}👩\u{200d}👧 ठीक है।");
    assert_eq!(spoken.as_deref(), Some("क्\u{200d}ष ठीक है।"));
    let spoken = text.speak("【重要】请注意。【4:0†source】");
    assert_eq!(spoken.as_deref(), Some("重要 请注意。"));
}

#[test]
fn a_pronunciation_is_found_where_no_space_is_beside_it() {
    let map = [("重庆".to_owned(), "崇庆".to_owned())].into();
    let mut text = SpeechText::new(Some("zh"), Pronunciations::new(&map));
    assert_eq!(
        text.speak("我在重庆工作。").as_deref(),
        Some("我在崇庆工作。")
    );
}

#[test]
fn other_languages_keep_their_numbers_and_lose_their_markup() {
    let mut text = SpeechText::new(Some("de-DE"), Pronunciations::default());
    let spoken = text.speak("**Das** kostet 3,50 € 😀 ([hier](https://example.com)).");
    assert_eq!(spoken.as_deref(), Some("Das kostet 3,50 € (hier)."));
}
