//! Removes what is written for the eye: markdown, HTML, emoji.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Compiles the patterns, if they are not compiled yet.
pub(super) fn prepare() {
    LazyLock::force(&INLINE);
    LazyLock::force(&ENTITY);
}

/// One line without markup. `None` if it is nothing but markup, or code in a block.
pub(super) fn plain(line: &str, in_code: &mut bool) -> Option<String> {
    let trimmed = line.trim();
    if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
        // A block on one line opens and closes on it.
        if trimmed.matches("```").count() != 2 {
            *in_code = !*in_code;
        }
        return None;
    }
    if *in_code {
        // A block may close on a line that continues with text.
        let (_, after) = trimmed.split_once("```")?;
        *in_code = false;
        return plain(after, in_code);
    }
    if is_rule(trimmed) {
        return None;
    }
    let text = without_line_prefix(trimmed);
    let text = if text.starts_with('|') {
        cells(text)
    } else {
        text.to_owned()
    };
    let text = INLINE.iter().fold(text, |text, (pattern, replacement)| {
        pattern.replace_all(&text, *replacement).into_owned()
    });
    let text = ENTITY.replace_all(&text, entity);
    let mut last = ' ';
    let is_kept = |c: &char| {
        // Persian and Indian scripts join or separate letters with the characters that also join emoji.
        let is_joiner = matches!(c, '\u{200c}' | '\u{200d}');
        let kept = match is_joiner {
            true => !last.is_ascii() && !is_pictorial(last) && !last.is_whitespace(),
            false => !is_pictorial(*c),
        };
        last = *c;
        kept
    };
    Some(text.chars().filter(is_kept).collect())
}

/// `---`, `***`, `===`, and the row under a table's head.
fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| "-*_=|: +".contains(c))
}

/// Drops the marks of headings, quotes and bullets. List numbers are spoken.
fn without_line_prefix(line: &str) -> &str {
    let mut text = line;
    loop {
        let before = text;
        text = text.trim_start().trim_start_matches('>').trim_start();
        let heading = text.trim_start_matches('#');
        if heading.len() < text.len() && heading.starts_with(' ') {
            text = heading.trim_end_matches([' ', '#']);
        }
        for bullet in [
            "- [ ] ", "- [x] ", "- [X] ", "- ", "* ", "+ ", "• ", "– ", "— ",
        ] {
            text = text.strip_prefix(bullet).unwrap_or(text);
        }
        if text == before {
            return text;
        }
    }
}

/// A table's row as a list.
fn cells(row: &str) -> String {
    let cells: Vec<&str> = row
        .trim_matches('|')
        .split('|')
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect();
    cells.join(", ")
}

type Rule = (Regex, &'static str);

static INLINE: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rule = |pattern: &str, replacement| {
        (
            Regex::new(pattern).expect("a constant pattern that the tests compile"),
            replacement,
        )
    };
    vec![
        // Comments and tags; `<br>` separates words.
        rule(r"(?s)<!--.*?-->", " "),
        rule(r"(?i)<(?:https?://|mailto:)([^>\s]+)>", "$1"),
        rule(r"</?[a-zA-Z][^<>]*>", " "),
        // Images and links are reduced to their text; a footnote's mark is dropped.
        rule(r"!\[([^\]]*)\]\([^)]*\)", "$1"),
        rule(r"\[\^[^\]]*\]:?", ""),
        rule(r"\[([^\]]+)\]\([^)]*\)", "$1"),
        rule(r"\[([^\]]+)\]\[[^\]]*\]", "$1"),
        rule(r"\[\d+\]", ""),
        // OpenAI's citations, "【4:0†source】"; other such brackets stay.
        rule(r"【[^】]*†[^】]*】|【\d+(?::\d+)?】", ""),
        rule(r"[【】]", " "),
        // Code and emphasis. An underscore inside a word is not emphasis.
        rule(r"`+([^`]*)`+", "$1"),
        rule(r"\*{1,3}([^*\s][^*]*?)\*{1,3}", "$1"),
        rule(r"~~([^~]+)~~", "$1"),
        rule(
            r"(^|[\s(\x22'“])_{1,3}([^_]+)_{1,3}($|[\s.,;:!?)\x22'”])",
            "$1$2$3",
        ),
        // Emphasis that ends in another sentence, and escapes.
        rule(r"(\D|^)\*+(\D|$)", "$1$2"),
        rule(r"(^|\s)_{1,2}(\w)", "$1$2"),
        rule(r"(\w[.!?]?)_{1,2}($|\s)", "$1$2"),
        rule(r"\\([\\`*_{}\[\]()#+\-.!~|>])", "$1"),
        rule("`", ""),
    ]
});

static ENTITY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"&(amp|lt|gt|quot|apos|nbsp|mdash|ndash|hellip|#39|copy|reg|deg|euro|pound);")
        .expect("a constant pattern that the tests compile")
});

fn entity(found: &Captures<'_>) -> &'static str {
    match &found[1] {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" | "#39" => "'",
        "mdash" | "ndash" => "–",
        "hellip" => "…",
        "deg" => "°",
        "euro" => "€",
        "pound" => "£",
        _ => " ",
    }
}

/// Emoji, dingbats, box drawing, their joiners and selectors. Arrows, mathematics and currency
/// have a name and stay.
fn is_pictorial(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}'
        | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}'
        | '\u{2300}'..='\u{23ff}' | '\u{2460}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
        | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}'
        | '©' | '®' | '™' | '•' | '‣' | '†' | '‡' | '¶')
}
