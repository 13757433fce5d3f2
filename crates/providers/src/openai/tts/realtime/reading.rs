//! Compares a transcript with the words that were to be read: did the model read the sentence or say something else?
//! PURE.
//!
//! Case, punctuation, spaces, apostrophes and hyphens are ignored, and numbers may be written in digits. The rest is
//! compared letter by letter, which works for scripts without spaces, too.

/// Letters from which a beginning can be judged: three short words.
const TELLING: usize = 12;
/// Letters that are compared; sentences are shorter.
const LONGEST: usize = 600;
/// How models begin to refuse.
const REFUSALS: [&str; 14] = [
    "i'm sorry",
    "i am sorry",
    "sorry, but",
    "i can't",
    "i cannot",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "i won't",
    "as an ai",
    "es tut mir leid",
    "lo siento",
    "je suis désolé",
    "mi dispiace",
];
/// Letters that accompany a number in words but not in digits: "dollars and", "o'clock".
const UNIT: usize = 8;
/// Letters of a number in words, in languages whose number words are not listed here: "neunzehnhundertvierundachtzig".
const SPELT: usize = 30;
/// Number words, which a transcript may have in digits.
const NUMBERS: [&str; 36] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "billion",
    "oh",
    "first",
    "second",
    "third",
];

/// How a sentence was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::openai) enum Verdict {
    /// Word for word.
    Verbatim,
    /// In other words.
    Reworded,
    /// It was not read: the model refused, answered, or said something else.
    Astray,
}

/// A sentence to be read.
pub(in crate::openai) struct Reading {
    /// With its numbers.
    all: Vec<char>,
    /// Without its numbers.
    letters: Vec<char>,
    numbers: Numbers,
    is_refusal: bool,
}

impl Reading {
    pub(in crate::openai) fn of(sentence: &str) -> Self {
        Self {
            all: all_letters(sentence),
            letters: letters(sentence),
            numbers: Numbers::of(sentence),
            is_refusal: is_refusal(sentence),
        }
    }

    /// Whether enough of the sentence was read, and nothing speaks against it.
    pub(in crate::openai) fn is_confirmed(&self, so_far: &str) -> bool {
        let said = letters(so_far);
        let is_enough = said.len() >= TELLING.min(self.letters.len()).max(1);
        is_enough && !self.strays(so_far, &said, 0)
    }

    /// Whether the words so far cannot be a beginning of the sentence.
    pub(in crate::openai) fn goes_astray(&self, so_far: &str) -> bool {
        let slack = self.numbers.slack(Numbers::of(so_far));
        self.strays(so_far, &letters(so_far), slack)
    }

    fn strays(&self, so_far: &str, said: &[char], slack: usize) -> bool {
        if is_refusal(so_far) && !self.is_refusal {
            return true;
        }
        if said.len() < TELLING || self.letters.is_empty() {
            return false;
        }
        let distance = *distances(said, &self.letters).iter().min().unwrap_or(&0);
        distance.saturating_sub(slack) * 5 > said.len().min(LONGEST) * 3
    }

    /// Judges the whole transcript.
    pub(in crate::openai) fn verdict(&self, transcript: &str) -> Verdict {
        let said = letters(transcript);
        if all_letters(transcript) == self.all {
            return Verdict::Verbatim;
        }
        if is_refusal(transcript) && !self.is_refusal {
            return Verdict::Astray;
        }
        let all = *distances(&said, &self.letters).last().unwrap_or(&0);
        let length = said.len().max(self.letters.len()).min(LONGEST);
        if self.has_numbers_otherwise(Numbers::of(transcript), &said) {
            Verdict::Verbatim
        } else if all * 2 <= length || contains(&said, &self.letters) {
            Verdict::Reworded
        } else {
            Verdict::Astray
        }
    }

    /// Whether the transcript differs only in how numbers are written.
    fn has_numbers_otherwise(&self, numbers: Numbers, said: &[char]) -> bool {
        let in_digits = numbers.runs > self.numbers.runs;
        let (short, long) = if in_digits {
            (said, self.letters.as_slice())
        } else {
            (self.letters.as_slice(), said)
        };
        // "42" is not a reading of "How many?".
        let tells = !in_digits || self.numbers.words || short.len() >= 3;
        let more = long.len().saturating_sub(short.len());
        let slack = self.numbers.slack(numbers);
        tells && slack > 0 && more <= slack && is_within(short, long)
    }
}

/// The letters and digits, in lower case.
fn all_letters(text: &str) -> Vec<char> {
    let text = text.to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The letters of the words that are not numbers, in lower case.
fn letters(text: &str) -> Vec<char> {
    let text = text.to_lowercase().replace(['\'', '’', '‘'], "");
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !NUMBERS.contains(word) && !word.starts_with(|c: char| c.is_numeric()))
        .flat_map(str::chars)
        .collect()
}

/// How a text writes its numbers.
#[derive(Clone, Copy)]
struct Numbers {
    /// Number of runs of digits.
    runs: usize,
    /// Some are in words.
    words: bool,
}

impl Numbers {
    fn of(text: &str) -> Self {
        let digits = text.split(|c: char| !c.is_numeric());
        let text = text.to_lowercase();
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        Self {
            runs: digits.filter(|run| !run.is_empty()).count(),
            words: words.any(|word| NUMBERS.contains(&word)),
        }
    }

    /// Letters by which a text of `self` may differ in length from one of `other`, for numbers that one has in digits
    /// and the other in words.
    fn slack(self, other: Self) -> usize {
        let spelt = if self.words { UNIT } else { SPELT };
        SPELT * self.runs.saturating_sub(other.runs) + spelt * other.runs.saturating_sub(self.runs)
    }
}

/// Whether `all` contains the letters of `part` in order.
fn is_within(part: &[char], all: &[char]) -> bool {
    let mut all = all.iter();
    part.iter().all(|letter| all.any(|other| other == letter))
}

fn is_refusal(text: &str) -> bool {
    let text = text.trim_start().to_lowercase().replace('’', "'");
    REFUSALS.iter().any(|refusal| text.starts_with(refusal))
}

fn contains(all: &[char], part: &[char]) -> bool {
    !part.is_empty() && all.windows(part.len()).any(|window| window == part)
}

/// Edit distances from all of `said` to each prefix of `asked` (Levenshtein).
fn distances(said: &[char], asked: &[char]) -> Vec<usize> {
    let (said, asked) = (
        &said[..said.len().min(LONGEST)],
        &asked[..asked.len().min(LONGEST)],
    );
    let mut row: Vec<usize> = (0..=asked.len()).collect();
    for (count, letter) in said.iter().enumerate() {
        let mut before = row[0];
        row[0] = count + 1;
        for (at, other) in asked.iter().enumerate() {
            let replaced = before + usize::from(letter != other);
            before = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(before + 1);
        }
    }
    row
}

#[cfg(test)]
mod tests;
