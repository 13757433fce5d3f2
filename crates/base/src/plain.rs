//! Characters that ids and names must not contain: invisible ones, which make two ids look alike or one log line look
//! like two. PURE.

/// The first character that an id or a name must not contain: a control character (including NUL and line breaks), one
/// that changes the writing direction (Unicode TR 36, 3.2), a line separator, or one that takes no space. Joiners are
/// allowed: Persian, Indic scripts and emoji need them.
pub fn unfit(text: &str) -> Option<char> {
    text.chars().find(|c| is_unfit(*c))
}

/// The text without such characters, truncated to `max` characters and trimmed.
pub fn fitting(text: &str, max: usize) -> String {
    let fits = text.chars().filter(|c| !is_unfit(*c));
    fits.take(max).collect::<String>().trim().to_owned()
}

fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Arabic letter mark; direction marks, embeddings, overrides and isolates.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
            // Soft hyphen, zero width space, word joiner and invisible operators, byte order mark.
            | '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            // Annotations and invisible tags.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests;
