//! What a word is, in every script. PURE.
//!
//! Words stand between spaces, except in Chinese, Japanese, Thai, Lao, Khmer and Burmese. There ICU's
//! dictionaries and models find them (UAX #29 with its section 4.3): 2.4 MB of the program, half a
//! millisecond for a sentence.

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{GraphemeClusterSegmenter, WordSegmenter, WordSegmenterBorrowed};

static WORDS: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_auto(WordBreakInvariantOptions::default()));

/// Whether `c` is a letter of a script without spaces between words.
pub fn is_unspaced(c: char) -> bool {
    is_east_asian(c) || is_south_east_asian(c)
}

/// Han, Kana and Bopomofo, which have their own marks, too.
pub fn is_east_asian(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3031}'..='\u{3035}' | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// Thai, Lao, Khmer and Burmese, which have spaces between clauses.
pub fn is_south_east_asian(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e3a}' | '\u{0e40}'..='\u{0e4e}' | '\u{0e81}'..='\u{0ece}'
        | '\u{0edc}'..='\u{0edf}' | '\u{1000}'..='\u{103f}' | '\u{1050}'..='\u{108f}'
        | '\u{109a}'..='\u{109d}' | '\u{1780}'..='\u{17d3}' | '\u{17d7}' | '\u{17dd}'
        | '\u{a9e0}'..='\u{a9ef}' | '\u{a9fa}'..='\u{a9fe}' | '\u{aa60}'..='\u{aa7f}')
}

/// How long `c` takes to say, in letters of an alphabet: 15 of those are said in a second, but
/// about five Chinese or Korean syllables (Pellegrino et al., "Across-Language Perspective on
/// Speech Information Rate", 2011) and eight Japanese ones.
pub fn letters_of(c: char) -> usize {
    match c {
        '\u{3041}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9f}' => 2,
        '\u{ac00}'..='\u{d7a3}' => 3,
        _ if is_east_asian(c) => 3,
        _ => 1,
    }
}

/// How long `text` takes to say, in letters of an alphabet.
pub fn letters(text: &str) -> usize {
    text.chars().map(letters_of).sum()
}

/// How many words `text` has.
pub fn count(text: &str) -> usize {
    let words = text.split_whitespace().filter(|word| has_any(word));
    words
        .map(|word| match word.contains(is_unspaced) {
            true => parts(word).filter(|part| has_any(part)).count(),
            false => 1,
        })
        .sum()
}

/// Whether anything in `text` can be said.
pub fn has_any(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// The words of `text` for comparison: small letters and digits only, so that "Mm-hmm, I see!" is
/// `mmhmm`, `i`, `see`. Where a script has no spaces each letter is a word of its own: the same
/// words in another sentence may be parted differently.
pub fn bare(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for spaced in text.split_whitespace() {
        let mut word = String::new();
        for c in spaced.chars().filter(|c| c.is_alphanumeric()) {
            if is_unspaced(c) {
                words.extend([std::mem::take(&mut word), c.to_string()]);
            } else {
                word.extend(c.to_lowercase());
            }
        }
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Where the words of `text` end, in bytes. Marks belong to the word before them, spaces to none.
pub fn ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    for spaced in text.split_whitespace() {
        let from = spaced.as_ptr() as usize - text.as_ptr() as usize;
        if spaced.contains(is_unspaced) {
            let (mut at, mut has_word) = (0, false);
            for part in parts(spaced) {
                if has_word && has_any(part) {
                    ends.push(from + at);
                }
                has_word |= has_any(part);
                at += part.len();
            }
        }
        ends.push(from + spaced.len());
    }
    ends
}

/// Where to cut a text that has to be cut before its end: after its last whole word, or after its
/// last whole character where that word is too long.
pub fn cut(text: &str) -> usize {
    let is_inside = |at: &usize| (text.len() / 2..text.len()).contains(at);
    let word = ends(text).into_iter().rev().find(is_inside);
    word.unwrap_or_else(|| {
        let characters = GraphemeClusterSegmenter::new().segment_str(text);
        let last = characters.filter(|at| *at < text.len()).last();
        last.filter(|at| *at > 0).unwrap_or(text.len())
    })
}

/// What stands between two sentences when they are put together again: nothing in Chinese and
/// Japanese, a space elsewhere.
pub fn between(before: &str, after: &str) -> &'static str {
    let is_wide = |c: char| {
        is_east_asian(c) || matches!(c, '\u{3001}'..='\u{303f}' | '\u{ff00}'..='\u{ff65}')
    };
    match before.ends_with(is_wide) && after.starts_with(is_wide) {
        true => "",
        false => " ",
    }
}

/// Words and what is between them.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    // The first boundary is the beginning.
    WORDS.segment_str(text).skip(1).map(move |to| {
        let part = &text[from..to];
        from = to;
        part
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_in_every_script() {
        for (text, expected) in [
            ("", 0),
            (" … - ", 0),
            ("Mm-hmm, I see!", 3),
            ("z.B. um 12:30 Uhr", 4),
            ("मैं आपकी मदद कर सकता हूँ।", 6),
            ("مرحبا كيف حالك؟", 3),
            ("안녕하세요 질문이 있어요", 3),
            ("等一下我想问一个别的问题", 7),
            ("嗯。", 1),
            ("iPhone的价格，是多少", 5),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
        for text in [
            "ちょっと待ってください、別の質問があります",
            "ต้องการสอบถามเรื่องอื่น",
            "ຂ້ອຍຢາກຖາມຄຳຖາມອື່ນ",
            "ខ្ញុំចង់សួរសំណួរមួយទៀត",
            "ကျွန်တော်မေးချင်တာရှိပါတယ်",
        ] {
            assert!((4..=12).contains(&count(text)), "{text}: {}", count(text));
        }
    }

    #[test]
    fn words_are_compared_without_marks_and_spaces() {
        assert_eq!(bare("Mm-hmm, I SEE!"), ["mmhmm", "i", "see"]);
        assert_eq!(bare("OK，等一下。"), ["ok", "等", "一", "下"]);
        assert_eq!(bare(" … "), Vec::<String>::new());
    }

    #[test]
    fn a_word_ends_with_the_marks_behind_it() {
        let ended = |text: &str| -> Vec<String> {
            ends(text)
                .iter()
                .map(|end| text[..*end].to_owned())
                .collect()
        };
        assert_eq!(ended(" One, two "), [" One,", " One, two"]);
        assert_eq!(
            ended("“你好”，我们 周一"),
            ["“你好”，", "“你好”，我们", "“你好”，我们 周一"]
        );
    }

    #[test]
    fn a_text_is_cut_after_a_whole_word_and_never_within_a_character() {
        assert_eq!(cut("one two thr"), "one two".len());
        let text = "เราเปิดทำการตั้งแต่เก้าโมงเช้าถึงห้าโมงเย็น";
        assert!(ends(text).contains(&cut(text)));
        let flags = "🇩🇪".repeat(20);
        assert_eq!(cut(&flags), "🇩🇪".len() * 19);
        assert_eq!(cut("x"), 1);
    }

    #[test]
    fn sentences_are_put_together_as_their_script_has_it() {
        assert_eq!(between("你好。", "今天"), "");
        assert_eq!(between("Hello.", "How"), " ");
        assert_eq!(between("สวัสดี", "ครับ"), " ");
    }
}
