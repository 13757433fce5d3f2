//! Whether a model has read a sentence or said something else: its transcript against the words
//! that were to be read. PURE.
//!
//! Case, punctuation, spaces, apostrophes and hyphens say nothing, and numbers may be written in
//! digits. What remains is compared letter by letter, which works for scripts without spaces, too.

/// Letters from which on a beginning can be judged: three short words.
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
/// Letters that stand beside a number in words and not in digits: "dollars and", "o'clock".
const UNIT: usize = 8;
/// Letters of a number in words, in languages whose words of numbers are not known here:
/// "neunzehnhundertvierundachtzig".
const SPELT: usize = 30;
/// Words of numbers, which a transcript may have in digits.
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

/// What became of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::openai) enum Verdict {
    /// It was read.
    Verbatim,
    /// It was said in other words.
    Reworded,
    /// It was not read: refused, answered, or something else was said.
    Astray,
}

/// A sentence that is to be read.
pub(in crate::openai) struct Reading {
    /// With its numbers.
    all: Vec<char>,
    /// Without its numbers.
    letters: Vec<char>,
    numbers: Numbers,
    is_refusal: bool,
}

impl Reading {
    /// Of these words.
    pub(in crate::openai) fn of(sentence: &str) -> Self {
        Self {
            all: all_letters(sentence),
            letters: letters(sentence),
            numbers: Numbers::of(sentence),
            is_refusal: is_refusal(sentence),
        }
    }

    /// Whether so much of the sentence was read that nothing speaks against it.
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

    /// What the whole transcript says of it.
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
        // "42" is no reading of "How many?".
        let tells = !in_digits || self.numbers.words || short.len() >= 3;
        let more = long.len().saturating_sub(short.len());
        let slack = self.numbers.slack(numbers);
        tells && slack > 0 && more <= slack && is_within(short, long)
    }
}

/// The letters and digits, small.
fn all_letters(text: &str) -> Vec<char> {
    let text = text.to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The letters of the words that are no numbers, small.
fn letters(text: &str) -> Vec<char> {
    let text = text.to_lowercase().replace(['\'', '’', '‘'], "");
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !NUMBERS.contains(word) && !word.starts_with(|c: char| c.is_numeric()))
        .flat_map(str::chars)
        .collect()
}

/// How a text has its numbers.
#[derive(Clone, Copy)]
struct Numbers {
    /// In digits.
    runs: usize,
    /// Some in words.
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

    /// Letters that a text of `self` may have more or less than one of `other`, for numbers that
    /// the one has in digits and the other in words.
    fn slack(self, other: Self) -> usize {
        let spelt = if self.words { UNIT } else { SPELT };
        SPELT * self.runs.saturating_sub(other.runs) + spelt * other.runs.saturating_sub(self.runs)
    }
}

/// Whether `all` has the letters of `part` in their order.
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

/// Edits from all of `said` to each beginning of `asked` (Levenshtein).
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
