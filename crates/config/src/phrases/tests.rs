use super::*;
use crate::built_in;
use sidetone_turn::words::bare;
use sidetone_turn::{Endpointing, Interruption};

#[test]
fn each_phrase_says_one_thing() {
    let english = Interruption::default();
    let lists = LANGUAGES.map(|(language, phrases)| {
        (
            language,
            phrases.backchannels(),
            phrases.stop(),
            phrases.open_words(),
        )
    });
    let open = Endpointing::default().open_words;
    let english = [("en", english.backchannels, english.stop_phrases, open)];
    for (language, go_on, stop, open) in lists.into_iter().chain(english) {
        assert!(go_on.len() >= 15 && stop.len() >= 8, "{language}");
        assert!(open.len() >= 10, "{language}");
        for phrase in go_on.iter().chain(&stop).chain(&open) {
            assert_eq!(phrase.to_lowercase(), *phrase, "{language}");
            assert!(!bare(phrase).is_empty(), "{language}: {phrase:?}");
        }
        for phrase in &go_on {
            // A stop phrase in the middle of a backchannel would stop the agent.
            let words = bare(phrase);
            for stop in &stop {
                let stop = bare(stop);
                let inside = words.windows(stop.len()).any(|window| window == stop);
                assert!(!inside, "{language}: {phrase:?} says {stop:?}");
            }
        }
    }
}

#[test]
fn a_language_is_found_by_its_tag() {
    for tag in ["de", "de-AT"] {
        assert_eq!(of(Some(tag)), Some(LANGUAGES[0].1), "{tag}");
    }
    for tag in [None, Some("en"), Some("en-GB"), Some("fi"), Some("")] {
        assert_eq!(of(tag), None, "{tag:?}");
    }
}

#[test]
fn languages_with_phrases_have_built_in_sentences_too() {
    for (language, _) in LANGUAGES {
        assert_ne!(
            built_in::of(Some(language)),
            built_in::of(None),
            "{language}"
        );
    }
}
