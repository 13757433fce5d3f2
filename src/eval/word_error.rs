//! Word error rate: how far a transcript is from what was said.

/// The least number of word substitutions, insertions and deletions that turn `heard` into `said`, divided by the
/// number of words in `said` (the usual definition of WER, as in NIST's `sclite`). Case and punctuation are ignored.
/// Nothing said and nothing heard is 0; nothing said but something heard is 1.
pub fn word_error_rate(said: &str, heard: &str) -> f64 {
    let (said, heard) = (words(said), words(heard));
    if said.is_empty() {
        return if heard.is_empty() { 0.0 } else { 1.0 };
    }
    // One row of the Levenshtein table at a time: `row[j]` is the distance between the words
    // of `said` so far and the first `j` words of `heard`.
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..heard.len() {
            let substituted = diagonal + usize::from(*word != heard[j]);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[heard.len()] as f64 / said.len() as f64
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '-' | '—' | '–' | '/'))
        .map(|word| {
            word.chars()
                .filter(|c| c.is_alphanumeric())
                .collect::<String>()
                .to_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
