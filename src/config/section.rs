//! Reads one table of a TOML file key by key, so that every complaint names the file, the line,
//! the key and what to write instead.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::agent::ConfigError;

/// A configuration file's name and text, for complaints.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// As the file was named.
    pub file: &'a str,
    /// All of it.
    pub text: &'a str,
}

impl Source<'_> {
    /// A complaint about the text at `span`.
    pub fn error(&self, span: Option<Range<usize>>, message: impl Into<String>) -> ConfigError {
        let line = span
            .and_then(|span| self.text.get(..span.start))
            .map(|before| before.bytes().filter(|byte| *byte == b'\n').count() + 1);
        ConfigError {
            file: self.file.to_owned(),
            line,
            message: message.into(),
        }
    }
}

/// One table. Each getter takes its key; [`Section::finish`] complains of what nobody took.
pub struct Section<'a> {
    source: Source<'a>,
    /// "" or "vad.".
    prefix: String,
    table: DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole file.
    ///
    /// # Errors
    /// It is no TOML.
    pub fn parse(source: Source<'a>) -> Result<Self, ConfigError> {
        let table = DeTable::parse(source.text)
            .map_err(|error| source.error(error.span(), error.message()))?
            .into_inner();
        Ok(Self {
            source,
            prefix: String::new(),
            table,
            known: Vec::new(),
        })
    }

    /// The table under `key`; empty when it is not there.
    pub fn section(&mut self, key: &'static str) -> Result<Self, ConfigError> {
        let table = match self.take(key) {
            None => DeTable::new(),
            Some(value) => {
                let span = value.span();
                match value.into_inner() {
                    DeValue::Table(table) => table,
                    _ => return Err(self.wrong(key, span, "a table", "[…] on a line of its own")),
                }
            }
        };
        let prefix = format!("{}{key}.", self.prefix);
        Ok(Self {
            source: self.source,
            prefix,
            table,
            known: Vec::new(),
        })
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn wrong(&self, key: &str, span: Range<usize>, what: &str, example: &str) -> ConfigError {
        let found = self.source.text.get(span.clone()).unwrap_or_default();
        let message = format!(
            "{}{key} = {found} must be {what}, such as {example}",
            self.prefix
        );
        self.source.error(Some(span), message)
    }

    /// A string, with its place.
    pub fn text(
        &mut self,
        key: &'static str,
    ) -> Result<Option<(String, Range<usize>)>, ConfigError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        match value.get_ref().as_str() {
            Some(text) => Ok(Some((text.to_owned(), value.span()))),
            None => Err(self.wrong(key, value.span(), "a string", "\"text\"")),
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, default: bool) -> Result<bool, ConfigError> {
        let Some(value) = self.take(key) else {
            return Ok(default);
        };
        value
            .get_ref()
            .as_bool()
            .ok_or_else(|| self.wrong(key, value.span(), "true or false", "true"))
    }

    /// A list of strings.
    pub fn list(
        &mut self,
        key: &'static str,
        default: Vec<String>,
    ) -> Result<Vec<String>, ConfigError> {
        let Some(value) = self.take(key) else {
            return Ok(default);
        };
        let list = value.get_ref().as_array().and_then(|values| {
            values
                .iter()
                .map(|v| v.get_ref().as_str().map(str::to_owned))
                .collect()
        });
        list.ok_or_else(|| self.wrong(key, value.span(), "a list of strings", "[\"one\", \"two\"]"))
    }

    /// Every key of the table with its string.
    pub fn map(mut self) -> Result<std::collections::BTreeMap<String, String>, ConfigError> {
        std::mem::take(&mut self.table)
            .into_iter()
            .map(|(key, value)| match value.get_ref().as_str() {
                Some(text) => Ok((key.get_ref().to_string(), text.to_owned())),
                None => Err(self.wrong(key.get_ref(), value.span(), "a string", "\"text\"")),
            })
            .collect()
    }

    /// A number in `range`; whole numbers are fine.
    pub fn fraction(
        &mut self,
        key: &'static str,
        default: f32,
        range: RangeInclusive<f32>,
    ) -> Result<f32, ConfigError> {
        let Some(value) = self.take(key) else {
            return Ok(default);
        };
        let number = value
            .get_ref()
            .as_float()
            .map(|number| number.as_str())
            .or_else(|| value.get_ref().as_integer().map(|number| number.as_str()))
            .and_then(|number| number.parse().ok());
        self.in_range(key, value.span(), number, &range, &default)
    }

    /// A whole number in `range`.
    pub fn count(
        &mut self,
        key: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Result<usize, ConfigError> {
        let Some(value) = self.take(key) else {
            return Ok(default);
        };
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| number.as_str().parse().ok());
        self.in_range(key, value.span(), number, &range, &default)
    }

    /// A duration with its unit, in `range`.
    pub fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Result<Duration, ConfigError> {
        let Some(value) = self.take(key) else {
            return Ok(default);
        };
        let Some(duration) = value.get_ref().as_str().and_then(parse_duration) else {
            let what = "a duration in quotes with its unit (ms, s, m or h)";
            return Err(self.wrong(key, value.span(), what, "\"500ms\" or \"1.5s\""));
        };
        if range.contains(&duration) {
            return Ok(duration);
        }
        let what = format!("from {:?} to {:?}", range.start(), range.end());
        Err(self.wrong(key, value.span(), &what, &format!("\"{default:?}\"")))
    }

    fn in_range<T: PartialOrd + Display>(
        &self,
        key: &str,
        span: Range<usize>,
        number: Option<T>,
        range: &RangeInclusive<T>,
        default: &T,
    ) -> Result<T, ConfigError> {
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let what = format!("a number from {} to {}", range.start(), range.end());
                self.wrong(key, span, &what, &default.to_string())
            })
    }

    /// Complains of the first key that nobody took.
    ///
    /// # Errors
    /// There is one: it names it, and the known key that is nearest to it.
    pub fn finish(self) -> Result<(), ConfigError> {
        let Some(key) = self.table.keys().min_by_key(|key| key.span().start) else {
            return Ok(());
        };
        let name: &str = key.get_ref();
        let nearest = self
            .known
            .iter()
            .map(|known| (edits(name, known), known))
            .min();
        let advice = match nearest {
            Some((edits, known)) if edits <= 1 + name.len() / 3 => {
                format!("did you mean {}{known}?", self.prefix)
            }
            _ => format!("known keys here: {}", self.known.join(", ")),
        };
        let message = format!("unknown key {}{name}; {advice}", self.prefix);
        Err(self.source.error(Some(key.span()), message))
    }
}

/// "250ms", "1.5s", "10m", "1h".
fn parse_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    // Whole microseconds: 0.3 s is 300 ms and not a hair less.
    let micros = (number * seconds * 1e6).round();
    (0.0..1e15)
        .contains(&micros)
        .then(|| Duration::from_micros(micros as u64))
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, ms) in [
            ("500ms", 500),
            ("1.5s", 1500),
            ("0.3s", 300),
            ("2m", 120_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(ms)),
                "{text}"
            );
        }
        for text in ["", "5", "ms", "-1s", "5 parsecs", "NaNs", "1e99h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn edit_distances() {
        assert_eq!(edits("min_delay", "min_dealy"), 2);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("voice", "voice"), 0);
    }
}
