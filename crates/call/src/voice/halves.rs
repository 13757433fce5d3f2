//! Where a sentence is parted that is too long for whoever is to speak it. PURE.

use sidetone_turn::words;

/// Letters of a sentence that is parted: a shorter one is too long for no provider.
const DIVISIBLE: usize = 60;
/// Where a speaker may pause.
const PAUSES: [char; 10] = [',', ';', ':', '–', '—', '，', '、', '；', '：', '،'];

/// A long text in two parts: at the pause closest to its middle, else between two words.
pub(super) fn halves(text: &str) -> Option<(&str, &str)> {
    if words::letters(text) < DIVISIBLE {
        return None;
    }
    let middle = text.ceil_char_boundary(text.len() / 2);
    // "1,000" and "9:00" have no pause.
    let is_pause = |at: &usize| !text[*at..].starts_with(|c: char| c.is_ascii_digit());
    let is_central = |at: &usize| at.abs_diff(middle) < middle / 2;
    let pauses = text.match_indices(PAUSES);
    let pauses = pauses.map(|(at, mark)| at + mark.len());
    let pause = pauses
        .filter(is_central)
        .filter(is_pause)
        .min_by_key(|at| at.abs_diff(middle));
    let space = || Some(middle + text[middle..].find(char::is_whitespace)?);
    let at = pause.or_else(space);
    let at = at.unwrap_or_else(|| words::cut(&text[..middle]));
    let (first, rest) = (text[..at].trim(), text[at..].trim());
    (words::has_any(first) && words::has_any(rest)).then_some((first, rest))
}

#[cfg(test)]
mod tests;
