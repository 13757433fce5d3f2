//! English number words.

const SMALL: [&str; 20] = [
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
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
const SCALES: [(u64, &str); 4] = [
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
];

/// 342 is "three hundred forty-two".
pub(super) fn cardinal(n: u64) -> String {
    if n < 20 {
        return SMALL[n as usize].to_owned();
    }
    if n < 100 {
        let tens = TENS[(n / 10) as usize];
        return match n % 10 {
            0 => tens.to_owned(),
            ones => format!("{tens}-{}", SMALL[ones as usize]),
        };
    }
    if n >= 1_000_000_000_000_000 {
        return digits(&n.to_string());
    }
    let (unit, name) = if n < 1000 {
        (100, "hundred")
    } else {
        SCALES
            .into_iter()
            .find(|(unit, _)| n >= *unit)
            .unwrap_or((1000, "thousand"))
    };
    let head = format!("{} {name}", cardinal(n / unit));
    match n % unit {
        0 => head,
        rest => format!("{head} {}", cardinal(rest)),
    }
}

/// 342 is "three hundred forty-second".
pub(super) fn ordinal(n: u64) -> String {
    let words = cardinal(n);
    let at = words.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (head, last) = words.split_at(at);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        _ => match last.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{last}th"),
        },
    };
    format!("{head}{last}")
}

/// 1987 is "nineteen eighty-seven", 1905 "nineteen oh five", 2007 "two thousand seven".
pub(super) fn year(n: u64) -> String {
    let (century, rest) = (n / 100, n % 100);
    match (century, rest) {
        (20, 0..=9) | (10, 0..=9) => cardinal(n),
        (_, 0) => format!("{} hundred", cardinal(century)),
        (_, 1..=9) => format!("{} oh {}", cardinal(century), cardinal(rest)),
        _ => format!("{} {}", cardinal(century), cardinal(rest)),
    }
}

/// "2025" is "two zero two five".
pub(super) fn digits(text: &str) -> String {
    let words: Vec<&str> = text
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(|b| SMALL[usize::from(b - b'0')])
        .collect();
    words.join(" ")
}

/// "1,234.50" is "one thousand two hundred thirty-four point five zero". A number that begins
/// with a needless zero, or is too long to be a quantity, is said digit by digit.
pub(super) fn number(text: &str) -> String {
    let text = text.replace(',', "");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_code = whole.len() > 1 && whole.starts_with('0')
        || whole.len() > 6 && fraction.is_empty() && !whole.ends_with("000");
    let whole = match whole.parse() {
        Ok(n) if !is_code => cardinal(n),
        _ if whole.is_empty() => "zero".to_owned(),
        _ => digits(whole),
    };
    if fraction.is_empty() {
        whole
    } else {
        format!("{whole} point {}", digits(fraction))
    }
}

/// Plural of a number word or unit: "nineties", "inches", "miles".
pub(super) fn plural(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ if word.ends_with(['s', 'x']) || word.ends_with("ch") => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

#[cfg(test)]
mod tests;
