//! Numbers, digit by digit.

/// Maximum digits before the point, and after it.
const DIGITS: usize = 15;
const DECIMALS: usize = 6;

/// The numbers that a schema allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    /// The minimum.
    pub(super) low: f64,
    /// The maximum.
    pub(super) high: f64,
    /// Whether only integers are allowed.
    pub(super) whole: bool,
}

impl Range {
    /// Whether this text is one of the allowed numbers; approximately so at the last decimal that can be written.
    pub(super) fn has(&self, text: &str) -> bool {
        let is_written = text.ends_with(|last: char| last.is_ascii_digit());
        let is_full = || {
            text.split_once('.')
                .is_some_and(|(_, behind)| behind.len() == DECIMALS)
        };
        let is_within = |number: f64| (self.low..=self.high).contains(&number);
        is_written && self.could_become(text) && (is_full() || text.parse().is_ok_and(is_within))
    }

    /// Whether an allowed number begins with this text.
    pub(super) fn could_become(&self, text: &str) -> bool {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (before, behind) = match digits.split_once('.') {
            Some((before, behind)) => (before, Some(behind)),
            None => (digits, None),
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = all_digits(before)
            && before.len() <= DIGITS
            && (before.len() < 2 || !before.starts_with('0'))
            && behind.is_none_or(|behind| {
                !self.whole && !before.is_empty() && all_digits(behind) && behind.len() <= DECIMALS
            });
        if !fits {
            return false;
        }
        if before.is_empty() {
            return match is_negative {
                true => self.low < 0.0,
                false => self.high >= 0.0 || self.low < 0.0,
            };
        }
        let begun: f64 = digits.trim_end_matches('.').parse().unwrap_or(f64::NAN);
        // whatever follows makes it at least `from`, and less than `to`
        let reaches = |from: f64, to: f64| match (is_negative, self.whole) {
            (false, true) => from <= self.high && to - 1.0 >= self.low,
            (false, false) => from <= self.high && to > self.low,
            (true, true) => from > 0.0 && -from >= self.low && 1.0 - to <= self.high,
            (true, false) => -from >= self.low && -to < self.high,
        };
        match behind {
            Some(behind) => reaches(begun, begun + 0.1f64.powi(behind.len() as i32)),
            None if before == "0" => reaches(0.0, 1.0),
            None => (0..=DIGITS - before.len()).any(|more| {
                let scale = 10f64.powi(more as i32);
                reaches(begun * scale, (begun + 1.0) * scale)
            }),
        }
    }
}
