use super::*;

/// Each case is a text (`\n` is a line break) and, on lines that begin with `|`, its sentences.
const CASES: &str = include_str!("cases.txt");

fn cases() -> Vec<(String, Vec<String>)> {
    let mut cases: Vec<(String, Vec<String>)> = Vec::new();
    for line in CASES
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("// "))
    {
        let unescaped = |text: &str| text.replace("\\n", "\n");
        match (line.strip_prefix("| "), cases.last_mut()) {
            (Some(sentence), Some((_, sentences))) => sentences.push(unescaped(sentence)),
            _ => cases.push((unescaped(line), Vec::new())),
        }
    }
    cases
}

fn cut<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut sentences = Sentences::new();
    let mut cut: Vec<String> = pieces
        .into_iter()
        .flat_map(|piece| sentences.push(piece))
        .collect();
    cut.extend(sentences.finish());
    cut
}

#[test]
fn every_case_is_cut_as_written() {
    let cases = cases();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, expected)| cut([text.as_str()]) != *expected)
        .map(|(text, expected)| {
            format!(
                "{text:?}\n  {:?}\n  expected {expected:?}",
                cut([text.as_str()])
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
fn the_pieces_it_comes_in_make_no_difference() {
    for (text, expected) in cases() {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(
            cut(letters.iter().map(String::as_str)),
            expected,
            "{text:?} by letters"
        );
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        assert_eq!(cut(words), expected, "{text:?} by words");
        // As tokens come: a word with the space before it.
        let mut starts: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).collect();
        starts.push(text.len());
        let tokens = starts.iter().scan(0, |from, &to| {
            let token = &text[*from..to];
            *from = to;
            Some(token)
        });
        assert_eq!(cut(tokens), expected, "{text:?} by tokens");
    }
}

#[test]
fn a_sentence_leaves_with_the_first_letter_of_the_next() {
    let mut sentences = Sentences::new();
    assert!(sentences.push("It is noon").is_empty());
    assert!(sentences.push(".").is_empty());
    assert_eq!(sentences.push(" W"), ["It is noon."]);
    assert_eq!(sentences.finish().as_deref(), Some("W"));
    assert_eq!(sentences.finish(), None);
}

#[test]
fn the_first_clause_leaves_with_the_space_after_it() {
    let mut sentences = Sentences::new();
    assert!(sentences.push("If you look at the sky tonight,").is_empty());
    assert_eq!(sentences.push(" you"), ["If you look at the sky tonight,"]);
}

#[test]
fn endless_text_is_cut_somewhere() {
    let text = "word ".repeat(1000);
    let pieces = cut([text.as_str()]);
    assert!(
        pieces.iter().all(|piece| piece.len() <= TOO_LONG + 5),
        "{pieces:?}"
    );
    assert_eq!(pieces.join(" "), text.trim());
    let text = "some words, ".repeat(100);
    let pieces = cut([text.as_str()]);
    assert!(
        pieces
            .iter()
            .all(|piece| piece.len() <= LONG + 12 && piece.ends_with(','))
    );
}

#[test]
fn nothing_is_lost() {
    for (text, _) in cases() {
        let words =
            |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
        assert_eq!(words(&cut([text.as_str()]).concat()), words(&text));
    }
}

#[test]
fn a_slow_first_sentence_leaves_where_a_speaker_may_pause() {
    let early = |text: &str| {
        let mut sentences = Sentences::new();
        assert!(sentences.push(text).is_empty(), "{text}");
        (sentences.early(), sentences.finish())
    };
    let both = |first: &str, rest: &str| (Some(first.to_owned()), Some(rest.to_owned()));
    let none = |rest: &str| (None, Some(rest.to_owned()));
    assert_eq!(
        early("Our company is open on Saturday from nine "),
        both("Our company is open on Saturday", "from nine")
    );
    // "from" may still become "fromage".
    assert_eq!(
        early("Our company is open on Saturday from"),
        both("Our company is open", "on Saturday from")
    );
    assert_eq!(
        early("You can log in to your "),
        none("You can log in to your")
    );
    assert_eq!(early("I am on it "), none("I am on it"));
    assert_eq!(
        early("The shop (which is open and warm "),
        none("The shop (which is open and warm")
    );
    assert_eq!(early(""), (None, None));

    let mut sentences = Sentences::new();
    assert_eq!(sentences.push("Yes, we are. Our shop is open on ").len(), 1);
    assert_eq!(sentences.early(), None, "the voice has begun already");
}

#[test]
fn a_first_sentence_is_foreseen_before_it_is_certain() {
    let likely = |text: &str| {
        let mut sentences = Sentences::new();
        assert!(sentences.push(text).is_empty(), "{text}");
        sentences.likely()
    };
    for whole in [
        "Yes we are open until five today.",
        "Shall I book it?",
        "If you look at the sky tonight,",
    ] {
        assert_eq!(likely(whole).as_deref(), Some(whole));
    }
    for open in ["It costs 3.", "Ask Dr.", "We", "Well,", "1.", "```let x."] {
        assert_eq!(likely(open), None, "{open}");
    }
    let mut second = Sentences::new();
    second.push("It is noon. That is");
    second.push(" late.");
    assert_eq!(second.likely(), None, "only the first is waited for");
}
