//! Letter-to-sound rules for words that the dictionary does not have.
//!
//! A small greedy table in the spirit of the Naval Research Laboratory's rules (Elovitz et al., NRL Report 7948,
//! 1976): the longest spelling that matches at a position wins. Sounds are misaki's: A, I, O, W, Y are the diphthongs
//! of day, my, go, how, boy.

/// Spellings and their sounds, at any position. Longer ones come first among those with the same first letter.
const RULES: &[(&str, &str)] = &[
    ("augh", "ɔ"),
    ("ai", "A"),
    ("ay", "A"),
    ("au", "ɔ"),
    ("aw", "ɔ"),
    ("ar", "ɑɹ"),
    ("a", "æ"),
    ("bb", "b"),
    ("b", "b"),
    ("ch", "ʧ"),
    ("ck", "k"),
    ("cc", "k"),
    ("ce", "sɛ"),
    ("ci", "sɪ"),
    ("cy", "si"),
    ("c", "k"),
    ("dge", "ʤ"),
    ("dd", "d"),
    ("d", "d"),
    ("eigh", "A"),
    ("ear", "ɪɹ"),
    ("eer", "ɪɹ"),
    ("ea", "i"),
    ("ee", "i"),
    ("ei", "A"),
    ("ey", "i"),
    ("eu", "ju"),
    ("ew", "ju"),
    ("er", "əɹ"),
    ("e", "ɛ"),
    ("ff", "f"),
    ("f", "f"),
    ("gh", "ɡ"),
    ("gg", "ɡ"),
    ("gn", "n"),
    ("ge", "ʤɛ"),
    ("gi", "ʤɪ"),
    ("g", "ɡ"),
    ("h", "h"),
    ("igh", "I"),
    ("ie", "i"),
    ("ir", "ɜɹ"),
    ("i", "ɪ"),
    ("j", "ʤ"),
    ("kn", "n"),
    ("kk", "k"),
    ("k", "k"),
    ("ll", "l"),
    ("l", "l"),
    ("mm", "m"),
    ("m", "m"),
    ("ng", "ŋ"),
    ("nk", "ŋk"),
    ("nn", "n"),
    ("n", "n"),
    ("ough", "O"),
    ("oa", "O"),
    ("oi", "Y"),
    ("oy", "Y"),
    ("oo", "u"),
    ("ou", "W"),
    ("ow", "O"),
    ("or", "ɔɹ"),
    ("o", "ɑ"),
    ("ph", "f"),
    ("pp", "p"),
    ("p", "p"),
    ("qu", "kw"),
    ("q", "k"),
    ("rh", "ɹ"),
    ("rr", "ɹ"),
    ("r", "ɹ"),
    ("sch", "sk"),
    ("sh", "ʃ"),
    ("ss", "s"),
    ("sc", "sk"),
    ("s", "s"),
    ("tion", "ʃən"),
    ("tch", "ʧ"),
    ("th", "θ"),
    ("tt", "t"),
    ("t", "t"),
    ("ur", "ɜɹ"),
    ("ue", "u"),
    ("ui", "u"),
    ("u", "ʌ"),
    ("v", "v"),
    ("wh", "w"),
    ("wr", "ɹ"),
    ("w", "w"),
    ("x", "ks"),
    ("y", "i"),
    ("zz", "z"),
    ("z", "z"),
];

/// Sounds of word endings that are pronounced differently from elsewhere.
const ENDINGS: &[(&str, &str)] = &[
    ("tion", "ʃən"),
    ("sion", "ʒən"),
    ("ious", "iəs"),
    ("ous", "əs"),
    ("ing", "ɪŋ"),
    ("ed", "d"),
    ("le", "əl"),
    ("al", "əl"),
    ("el", "əl"),
    ("en", "ən"),
    ("on", "ən"),
    ("an", "ən"),
    ("o", "O"),
    ("a", "ə"),
    ("i", "i"),
    ("y", "i"),
];

/// Names of the letters.
const NAMES: [&str; 26] = [
    "ˈA",
    "bˈi",
    "sˈi",
    "dˈi",
    "ˈi",
    "ˈɛf",
    "ʤˈi",
    "ˈAʧ",
    "ˈI",
    "ʤˈA",
    "kˈA",
    "ˈɛl",
    "ˈɛm",
    "ˈɛn",
    "ˈO",
    "pˈi",
    "kjˈu",
    "ˈɑɹ",
    "ˈɛs",
    "tˈi",
    "jˈu",
    "vˈi",
    "dˈʌbəlju",
    "ˈɛks",
    "wˈI",
    "zˈi",
];

const DIGITS: [&str; 10] = [
    "zˈɪɹO",
    "wˈʌn",
    "tˈu",
    "θɹˈi",
    "fˈɔɹ",
    "fˈIv",
    "sˈɪks",
    "sˈɛvən",
    "ˈAt",
    "nˈIn",
];

const VOWELS: &str = "AIOWYæɑɔəɛɜɪiuʊʌ";

/// The sounds of any word. Letters that are not English are read as the most similar plain letter; the result is empty
/// if nothing has a sound.
pub(crate) fn phonemes(word: &str) -> String {
    let mut sounds = Vec::new();
    let mut run = String::new();
    for letter in word.chars().chain([' ']) {
        let plain = plain_letter(letter);
        if plain.is_ascii_alphabetic() {
            run.push(plain);
            continue;
        }
        if !run.is_empty() {
            sounds.push(letters(&std::mem::take(&mut run)));
        }
        if let Some(digit) = plain.to_digit(10) {
            sounds.push(DIGITS[digit as usize].to_owned());
        }
    }
    sounds.retain(|sound| !sound.is_empty());
    sounds.join(" ")
}

fn letters(run: &str) -> String {
    let capitals = run.len() > 1 && run.len() <= 4 && run.bytes().all(|b| b.is_ascii_uppercase());
    let lower = run.to_ascii_lowercase();
    if capitals || !lower.contains(['a', 'e', 'i', 'o', 'u', 'y']) {
        let names: Vec<_> = lower
            .bytes()
            .map(|b| NAMES[usize::from(b - b'a')])
            .collect();
        return names.join(" ");
    }
    stress(&pronounce(&lower))
}

fn pronounce(word: &str) -> String {
    let (stem, end) = ending(word);
    let mut sounds = String::new();
    let mut rest = stem;
    while !rest.is_empty() {
        if let Some(long) = magic_e(rest) {
            sounds.push_str(long);
            rest = &rest[1..];
            continue;
        }
        match RULES
            .iter()
            .find(|(spelling, _)| rest.starts_with(spelling))
        {
            Some((spelling, sound)) => {
                // "ce" before a silent final e is a plain s
                let silent = end.is_empty() && rest.len() == spelling.len() && !sounds.is_empty();
                let sound = match *spelling {
                    "ce" if silent => "s",
                    "ge" if silent => "ʤ",
                    "e" if silent => "",
                    "y" if sounds.is_empty() => "j",
                    _ => sound,
                };
                sounds.push_str(sound);
                rest = &rest[spelling.len()..];
            }
            None => rest = &rest[1..],
        }
    }
    sounds + end
}

/// Splits off an ending that has its own sound, if a syllable is left.
fn ending(word: &str) -> (&str, &'static str) {
    let vowel = |text: &str| text.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    ENDINGS
        .iter()
        .find_map(|(spelling, sound)| {
            let stem = word.strip_suffix(spelling)?;
            vowel(stem).then_some((stem, *sound))
        })
        .unwrap_or((word, ""))
}

/// The long vowel of "rate", "bone", "cute": vowel, one consonant, final e.
fn magic_e(rest: &str) -> Option<&'static str> {
    let [vowel, consonant, b'e'] = rest.as_bytes() else {
        return None;
    };
    if b"aeiouyrw".contains(consonant) {
        return None;
    }
    match vowel {
        b'a' => Some("A"),
        b'e' => Some("i"),
        b'i' | b'y' => Some("I"),
        b'o' => Some("O"),
        b'u' => Some("u"),
        _ => None,
    }
}

/// Stresses the first vowel, which is right for most English names.
fn stress(sounds: &str) -> String {
    match sounds.find(|c| VOWELS.contains(c)) {
        Some(at) => format!("{}ˈ{}", &sounds[..at], &sounds[at..]),
        None => sounds.to_owned(),
    }
}

fn plain_letter(letter: char) -> char {
    match letter {
        'à'..='å' => 'a',
        'À'..='Å' => 'A',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ę' | 'ě' => 'e',
        'È'..='Ë' => 'E',
        'ì'..='ï' | 'ı' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ő' => 'o',
        'Ò'..='Ö' | 'Ø' => 'O',
        'ù'..='ü' | 'ů' | 'ű' => 'u',
        'Ù'..='Ü' => 'U',
        'ý' | 'ÿ' => 'y',
        'š' | 'ś' | 'ß' => 's',
        'ž' | 'ź' | 'ż' => 'z',
        'ł' => 'l',
        other => other,
    }
}

#[cfg(test)]
mod tests;
