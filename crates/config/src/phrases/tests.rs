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
            list(phrases.backchannels),
            list(phrases.stop),
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
            // A stop phrase inside a backchannel would stop the agent.
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

#[test]
fn each_language_has_greetings_answers_and_questions_that_are_complete() {
    assert_eq!(COMPLETE.map(|(of, _)| of), LANGUAGES.map(|(of, _)| of));
    let english = ("en", complete(Some("en-GB")));
    let others = COMPLETE.map(|(of, phrases)| (of, list(phrases)));
    for (language, phrases) in others.iter().chain([&english]) {
        assert!(phrases.len() >= 60, "{language}");
        let mut seen = HashSet::new();
        for phrase in phrases {
            assert_eq!(phrase.to_lowercase(), *phrase, "{language}");
            assert!(!bare(phrase).is_empty(), "{language}: {phrase:?}");
            assert!(
                seen.insert(phrase),
                "{language}: {phrase:?} stands there twice"
            );
        }
        // A single word of the other list does not end a sentence.
        let open = of(Some(language)).map_or_else(
            || Endpointing::default().open_words,
            |phrases| phrases.open_words(),
        );
        for word in open {
            assert!(!phrases.contains(&word), "{language}: {word:?} is both");
        }
    }
    for (language, said) in [
        ("de", "wer ist da"),
        ("fr", "allô"),
        ("es-MX", "gracias"),
        ("it", "chi parla"),
        ("pt-BR", "oi"),
        ("nl", "dank u wel"),
        ("pl", "dzień dobry"),
        ("ru", "да"),
        ("zh-Hant", "謝謝"),
        ("ja", "もしもし"),
        ("ko", "여보세요"),
        ("hi", "नमस्ते"),
        ("ar", "من هذا"),
    ] {
        assert!(
            complete(Some(language)).contains(&said.to_owned()),
            "{language}"
        );
        assert!(complete(None).contains(&said.to_owned()), "{language}");
        for other in ["en", "fi"] {
            let others = complete(Some(other));
            assert!(!others.contains(&said.to_owned()), "{language}");
        }
    }
}

/// What means "go on" in one language must not mean "stop" in another; Polish "no" is the only one that does, and
/// counts as the latter.
#[test]
fn without_a_language_the_phrases_of_all_count() {
    let all = Interruption {
        backchannels: backchannels(None),
        stop_phrases: stop(None),
        ..Default::default()
    };
    for phrase in ["oui, d'accord", "alles klar", "да да", "mm-hmm", "なるほど"] {
        assert!(
            all.backchannels
                .iter()
                .any(|known| bare(phrase).ends_with(&bare(known)))
        );
    }
    for (language, phrases) in LANGUAGES {
        for stops in list(phrases.stop) {
            assert!(
                !all.backchannels.contains(&stops) || stops == "no",
                "{language}: {stops:?}"
            );
            assert!(all.stop_phrases.contains(&stops));
        }
        let own = backchannels(Some(language));
        assert_eq!(own, list(phrases.backchannels));
    }
    assert_eq!(
        backchannels(Some("fi")),
        Interruption::default().backchannels
    );
}
