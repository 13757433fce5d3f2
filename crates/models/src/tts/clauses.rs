//! Cuts text into pieces that are spoken one after the other.
//!
//! The first piece is short, so that the first audio is available early; no piece is long, so that a request can be
//! cancelled and others get their turn. Cuts are made where a speaker would pause.

/// Maximum piece in characters: about six seconds of speech.
const LONGEST: usize = 110;
/// The first piece of a text ends at the first pause after this many characters.
const FIRST: usize = 18;

/// What follows a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// The sentence continues without a mark.
    None,
    /// A comma or the like.
    Short,
    /// The end of a sentence.
    Sentence,
}

/// A piece of text that is synthesised in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    pub(crate) text: String,
    pub(crate) pause: Pause,
}

/// Cuts `text`. Pieces without a letter or digit are skipped.
pub(crate) fn split(text: &str) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut current = String::new();
    let mut length = 0;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line_ends = line_ends(text);
    for (n, word) in words.iter().enumerate() {
        if length > 0 && length + word.chars().count() > LONGEST {
            push(&mut clauses, &mut current, Pause::None);
            length = 0;
        }
        if length > 0 {
            current.push(' ');
        }
        // a word longer than any piece (a URL, say) is cut anywhere
        for letter in word.chars() {
            if length >= LONGEST {
                push(&mut clauses, &mut current, Pause::None);
                length = 0;
            }
            current.push(letter);
            length += 1;
        }
        length += 1;
        let enough = if clauses.is_empty() {
            FIRST
        } else {
            LONGEST / 2
        };
        let next = words.get(n + 1);
        let line_ends = next.is_some() && line_ends.contains(&n);
        if ends_sentence(word, next) || line_ends {
            push(&mut clauses, &mut current, Pause::Sentence);
            length = 0;
        } else if length >= enough && ends_clause(word) && next.is_some() {
            push(&mut clauses, &mut current, Pause::Short);
            length = 0;
        }
    }
    // a text without a mark at its end continues in the next request
    let pause = match words.last() {
        Some(word) if ends_sentence(word, None) => Pause::Sentence,
        Some(word) if ends_clause(word) => Pause::Short,
        _ => Pause::None,
    };
    push(&mut clauses, &mut current, pause);
    clauses
}

fn push(clauses: &mut Vec<Clause>, text: &mut String, pause: Pause) {
    let text = std::mem::take(text);
    if text.chars().any(char::is_alphanumeric) {
        clauses.push(Clause { text, pause });
    }
}

/// Indexes of the words that are the last on their line.
fn line_ends(text: &str) -> Vec<usize> {
    let mut words = 0;
    text.lines()
        .filter_map(|line| {
            let in_line = line.split_whitespace().count();
            words += in_line;
            (in_line > 0).then(|| words - 1)
        })
        .collect()
}

fn unquoted(word: &str) -> &str {
    word.trim_end_matches(['"', '\'', ')', ']', '”', '’', '*', '_'])
}

fn ends_clause(word: &str) -> bool {
    unquoted(word).ends_with([',', ';', ':', '–', '—'])
}

fn ends_sentence(word: &str, next: Option<&&str>) -> bool {
    let word = unquoted(word);
    if word.ends_with(['!', '?', '…', '。']) {
        return true;
    }
    let Some(stem) = word.strip_suffix('.') else {
        return false;
    };
    if next.is_none() {
        return true;
    }
    // "Dr. Who", "e.g. this", "J. Smith", "No. 5" continue
    const TITLES: [&str; 14] = [
        "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "no", "jr", "sr", "approx", "dept",
        "mt",
    ];
    let lower = stem.trim_start_matches(['(', '"', '“']).to_lowercase();
    let initial = lower.chars().count() == 1
        && lower != "i"
        && !lower.starts_with(|c: char| c.is_ascii_digit());
    !(TITLES.contains(&lower.as_str())
        || lower.contains('.') && lower.chars().all(|c| c.is_alphabetic() || c == '.')
        || initial)
}

#[cfg(test)]
mod tests;
