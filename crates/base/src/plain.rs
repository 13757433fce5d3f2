//! Characters that ids and names may not have: those that nobody sees, and that make two ids look like one
//! or a line of a log like two. PURE.

/// The first character that an id or a name may not have: a control character (NUL and line breaks among
/// them), one that turns the direction of writing (Unicode TR 36, 3.2), a separator of lines, or one that
/// takes no space. Joiners stay: Persian, Indic scripts and emoji need them.
pub fn unfit(text: &str) -> Option<char> {
    text.chars().find(|c| is_unfit(*c))
}

/// The text without such characters, at most `max` characters of it.
pub fn fitting(text: &str, max: usize) -> String {
    let fits = text.chars().filter(|c| !is_unfit(*c));
    fits.take(max).collect::<String>().trim().to_owned()
}

fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Arabic letter mark, marks, embeddings, overrides and isolates of direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Separators of lines and paragraphs.
            | '\u{2028}' | '\u{2029}'
            // Soft hyphen, zero width space, word joiner and invisible operators, byte order mark.
            | '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            // Annotations, and tags that nobody sees.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests;
