//! Word error rate.

/// Substituted, inserted and missing words divided by the expected words. Case and punctuation do not count, and small
/// numbers may be words or digits.
pub fn word_error_rate(expected: &str, heard: &str) -> f64 {
    let (expected, heard) = (words(expected), words(heard));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, want) in expected.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, got) in heard.iter().enumerate() {
            let substituted = diagonal + usize::from(want != got);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[heard.len()] as f64 / expected.len() as f64
}

fn words(text: &str) -> Vec<String> {
    const NUMBERS: [&str; 11] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "mr" => "mister".to_owned(),
            word => match word.parse::<usize>().ok().and_then(|n| NUMBERS.get(n)) {
                Some(name) => (*name).to_owned(),
                None => word.to_owned(),
            },
        })
        .collect()
}

#[test]
fn it_counts_words() {
    assert_eq!(word_error_rate("Ten of clubs.", "10 of clubs"), 0.0);
    assert_eq!(word_error_rate("a b c d", "a x c"), 0.5);
    assert_eq!(word_error_rate("a b", ""), 1.0);
    assert_eq!(word_error_rate("a", "a b c"), 2.0);
}
