use super::*;

/// Each case is a text (`\n` is a line break) and, on lines that begin with `|`, its sentences. `@`
/// names the language of what follows, English at first; `@ -` is none.
const CASES: [&str; 2] = [include_str!("cases.txt"), include_str!("languages.txt")];

struct Case {
    language: Option<&'static str>,
    text: String,
    sentences: Vec<String>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut language = Some("en");
    for line in CASES
        .into_iter()
        .flat_map(str::lines)
        .filter(|line| !line.trim().is_empty() && !line.starts_with("// "))
    {
        let unescaped = |text: &str| text.replace("\\n", "\n");
        if let Some(tag) = line.strip_prefix("@ ") {
            language = (tag != "-").then_some(tag);
            continue;
        }
        match (line.strip_prefix("| "), cases.last_mut()) {
            (Some(sentence), Some(case)) => case.sentences.push(unescaped(sentence)),
            _ => cases.push(Case {
                language,
                text: unescaped(line),
                sentences: Vec::new(),
            }),
        }
    }
    cases
}

fn cut<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    cut_in(Some("en"), pieces)
}

fn cut_in<'a>(language: Option<&str>, pieces: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut sentences = Sentences::new(language);
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
    assert!(cases.len() >= 140, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .map(|case| (case, cut_in(case.language, [case.text.as_str()])))
        .filter(|(case, cut)| *cut != case.sentences)
        .map(|(case, cut)| {
            let (language, expected) = (case.language, &case.sentences);
            format!(
                "{language:?} {}\n  {cut:?}\n  expected {expected:?}",
                case.text
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
    for Case {
        language,
        text,
        sentences: expected,
    } in cases()
    {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(
            cut_in(language, letters.iter().map(String::as_str)),
            expected,
            "{text:?} by letters"
        );
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        assert_eq!(cut_in(language, words), expected, "{text:?} by words");
        // Like tokens: a word together with the space before it.
        let mut starts: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).collect();
        starts.push(text.len());
        let tokens = starts.iter().scan(0, |from, &to| {
            let token = &text[*from..to];
            *from = to;
            Some(token)
        });
        assert_eq!(cut_in(language, tokens), expected, "{text:?} by tokens");
    }
}

proptest::proptest! {
    // Each case segments thousands of letters.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// In every script, whatever pieces the text comes in, even inside its longest sentences.
    #[test]
    fn any_pieces_are_cut_the_same(
        picks in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 1..8),
        sizes in proptest::collection::vec(1usize..9, 1..30),
        separator in proptest::sample::select(vec!["", " ", "\n"]),
    ) {
        let cases = cases();
        let first = picks[0].get(&cases);
        let texts: Vec<&str> = picks.iter().map(|pick| pick.get(&cases).text.as_str()).collect();
        let text = texts.join(separator).repeat(3);
        let mut sizes = sizes.iter().cycle();
        let letters: Vec<char> = text.chars().collect();
        let mut pieces: Vec<String> = Vec::new();
        let mut rest = letters.as_slice();
        while !rest.is_empty() {
            let size = rest.len().min(*sizes.next().unwrap());
            pieces.push(rest[..size].iter().collect());
            rest = &rest[size..];
        }
        let whole = cut_in(first.language, [text.as_str()]);
        for piece in &whole {
            proptest::prop_assert!(words::letters(piece) <= ENDLESS + 3, "{}", piece);
        }
        let by_pieces = cut_in(first.language, pieces.iter().map(String::as_str));
        proptest::prop_assert_eq!(by_pieces, whole);
    }
}

#[test]
fn a_sentence_leaves_with_the_first_letter_of_the_next() {
    let mut sentences = Sentences::new(Some("en"));
    assert!(sentences.push("It is noon").is_empty());
    assert!(sentences.push(".").is_empty());
    assert_eq!(sentences.push(" W"), ["It is noon."]);
    assert_eq!(sentences.finish().as_deref(), Some("W"));
    assert_eq!(sentences.finish(), None);
}

#[test]
fn the_first_clause_leaves_with_the_space_after_it() {
    let mut sentences = Sentences::new(Some("en"));
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
fn endless_text_is_cut_between_words_in_every_script() {
    for text in [
        "我们公司成立于一九九八年总部位于上海主要从事人工智能语音技术的研究与开发",
        "私たちの会社は東京に本社を置く音声技術の専門企業でございます",
        "เราเปิดทำการตั้งแต่เก้าโมงเช้าถึงห้าโมงเย็นทุกวันจันทร์ถึงวันศุกร์",
        "ພວກເຮົາເປີດຕັ້ງແຕ່ເກົ້າໂມງເຊົ້າ",
        "យើងបើកពីម៉ោងប្រាំបួនព្រឹកដល់ម៉ោងប្រាំល្ងាច",
        "ကျွန်တော်တို့မနက်ကိုးနာရီကနေညနေငါးနာရီအထိဖွင့်ပါတယ်",
    ] {
        let text = text.repeat(30);
        let pieces = cut_in(None, [text.as_str()]);
        assert_eq!(pieces.concat(), text, "nothing is lost");
        let ends = words::ends(&text);
        let mut at = 0;
        for piece in &pieces {
            assert!(words::letters(piece) <= TOO_LONG, "{piece}");
            at += piece.len();
            assert!(ends.contains(&at), "cut within a word: {piece}");
        }
    }
    let pieces = cut(["a".repeat(20_000).as_str()]);
    assert!(pieces.iter().all(|piece| piece.len() <= ENDLESS));
}

#[test]
fn a_first_clause_leaves_without_a_space_after_it() {
    let mut sentences = Sentences::new(Some("zh"));
    assert!(sentences.push("我们周一到周五九点开门").is_empty());
    assert_eq!(sentences.push("，"), ["我们周一到周五九点开门，"]);
    assert!(sentences.push("周末休息，").is_empty());
}

#[test]
fn nothing_is_lost() {
    for Case { language, text, .. } in cases() {
        let words =
            |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
        let cut = cut_in(language, [text.as_str()]);
        assert_eq!(words(&cut.concat()), words(&text));
    }
}

#[test]
fn a_slow_first_sentence_leaves_where_a_speaker_may_pause() {
    let early = |text: &str| {
        let mut sentences = Sentences::new(Some("en"));
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

    let mut sentences = Sentences::new(Some("en"));
    assert_eq!(sentences.push("Yes, we are. Our shop is open on ").len(), 1);
    assert_eq!(sentences.early(), None, "the voice has begun already");

    for (language, text, expected) in [
        (
            "de",
            "Unser Laden ist heute offen und morgen ",
            Some("Unser Laden ist heute offen"),
        ),
        ("de", "Wir sind on at for with ", None),
        ("fi", "Our company is open on Saturday from nine ", None),
    ] {
        let mut sentences = Sentences::new(Some(language));
        sentences.push(text);
        assert_eq!(sentences.early().as_deref(), expected, "{language}: {text}");
    }
}

#[test]
fn a_first_sentence_is_foreseen_before_it_is_certain() {
    let likely = |text: &str| {
        let mut sentences = Sentences::new(Some("en"));
        assert!(sentences.push(text).is_empty(), "{text}");
        sentences.likely()
    };
    for whole in [
        "Yes we are open until five today.",
        "Shall I book it?",
        "If you look at the sky tonight,",
        "今天天气很好。",
        "मैं आपकी मदद करूँगा।",
        "هل أنت بخير؟",
    ] {
        assert_eq!(likely(whole).as_deref(), Some(whole));
    }
    for open in ["It costs 3.", "Ask Dr.", "We", "Well,", "1.", "```let x."] {
        assert_eq!(likely(open), None, "{open}");
    }
    let mut second = Sentences::new(Some("en"));
    second.push("It is noon. That is");
    second.push(" late.");
    assert_eq!(second.likely(), None, "only the first is waited for");
}
