//! What a transcript has beside words. PURE.

/// The words alone: some servers pass on a model's tokens for language, mood and time (`<|en|><|NEUTRAL|>`, `<|0.00|>`),
/// or what it says of its language (`language English<asr_text>`).
pub(super) fn spoken(text: &str) -> String {
    const BEGINS: &str = "<asr_text>";
    let text = text.split_once(BEGINS).map_or(text, |(_, words)| words);
    let mut parts = text.split("<|");
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("|>") {
            Some((_, rest)) => words.push_str(rest),
            None => words.extend(["<|", part]),
        }
    }
    words.trim().to_owned()
}

#[cfg(test)]
mod tests;
