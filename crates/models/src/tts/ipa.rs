//! From misaki's phonemes to the IPA that Piper voices were trained on.
//!
//! Piper's training text was converted by espeak-ng's American English, which marks length (iː, uː, ɑː, ɔː, ɜː) and
//! has one letter for the r-coloured schwa (ɚ); misaki writes diphthongs and affricates as one letter and does not
//! mark length.

/// Letters that carry a syllable in misaki's set.
const VOWELS: &str = "AIOQWYæɐɑɒɔəɚɛɜɪiuʊʌᵊᵻa";

/// Translates a string of phonemes, words and punctuation.
pub(crate) fn from_misaki(phonemes: &str) -> String {
    let letters: Vec<char> = phonemes.chars().collect();
    let mut ipa = String::with_capacity(phonemes.len() * 2);
    let mut at = 0;
    while at < letters.len() {
        let next = letters.get(at + 1).copied();
        let vowel_after_r = || {
            let after = letters.get(at + 2).copied();
            after.is_some_and(|c| is_vowel(c) || is_stress(c))
        };
        match letters[at] {
            'A' => ipa.push_str("eɪ"),
            'I' => ipa.push_str("aɪ"),
            'O' => ipa.push_str("oʊ"),
            'Q' => ipa.push_str("əʊ"),
            'W' => ipa.push_str("aʊ"),
            'Y' => ipa.push_str("ɔɪ"),
            'ʤ' => ipa.push_str("dʒ"),
            'ʧ' => ipa.push_str("tʃ"),
            'ᵊ' => ipa.push('ə'),
            'T' => ipa.push('ɾ'),
            'u' => ipa.push_str("uː"),
            'ɑ' => ipa.push_str("ɑː"),
            'ɔ' => ipa.push_str("ɔː"),
            'i' if is_long_i(&letters, at) => ipa.push_str("iː"),
            // nurse nˈɜːs, but hurry hˈɜːɹi
            'ɜ' if next == Some('ɹ') => {
                ipa.push_str("ɜː");
                at += usize::from(!vowel_after_r());
            }
            // letter lˈɛɾɚ, but memory mˈɛmɚɹi
            'ə' if next == Some('ɹ') => {
                ipa.push('ɚ');
                at += usize::from(!vowel_after_r());
            }
            'g' => ipa.push('ɡ'),
            '“' | '”' | '"' | '—' | '–' => ipa.push(','),
            '…' => ipa.push('.'),
            other => ipa.push(other),
        }
        at += 1;
    }
    ipa
}

/// i is long if it is stressed, or the only vowel of its word (we, she).
fn is_long_i(letters: &[char], at: usize) -> bool {
    if at > 0 && is_stress(letters[at - 1]) {
        return true;
    }
    let in_word = |c: &&char| is_vowel(**c) || is_stress(**c) || c.is_alphabetic();
    let before = letters[..at].iter().rev().take_while(in_word);
    let after = letters[at + 1..].iter().take_while(in_word);
    !before.chain(after).any(|c| is_vowel(*c))
}

fn is_vowel(letter: char) -> bool {
    VOWELS.contains(letter)
}

fn is_stress(letter: char) -> bool {
    matches!(letter, 'ˈ' | 'ˌ')
}

#[cfg(test)]
mod tests;
