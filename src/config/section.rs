//! Reads one table of a TOML file key by key, so that every complaint names the file, the line,
//! the key and what to write instead. Complaints are collected: reading goes on with the default,
//! and the reader says all at once what is wrong.
//!
//! A table may have layers: the agent's own file over `defaults.toml`. A key is taken from the
//! first that has it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::ConfigError;

/// A configuration file's name and text, for complaints.
#[derive(Debug, Clone, Copy)]
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

/// Where in which file something stands.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    source: Source<'a>,
    span: Option<Range<usize>>,
}

/// A string and its place.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    /// The string.
    pub value: String,
    /// Where it stands.
    pub place: Place<'a>,
}

/// What a key takes; the generated reference is made of these.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A string.
    Text,
    /// One of these strings.
    Choice(Vec<&'static str>),
    /// `true` or `false`.
    Flag,
    /// A list of strings.
    List,
    /// Strings by name.
    Map,
    /// A number in a range.
    Number(f64, f64),
    /// A whole number in a range.
    Count(usize, usize),
    /// A duration in a range.
    Duration(Duration, Duration),
    /// A JSON Schema.
    Schema,
}

/// A key that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Dotted; `*` stands for a name of the author's choice.
    pub path: String,
    /// What it takes.
    pub kind: Kind,
}

/// Collects what is wrong, and which keys there are.
#[derive(Debug, Default)]
pub struct Reader {
    problems: RefCell<Vec<ConfigError>>,
    keys: RefCell<Vec<Key>>,
}

impl Reader {
    /// Notes a problem.
    pub fn complain(&self, problem: ConfigError) {
        self.problems.borrow_mut().push(problem);
    }

    /// All that is wrong.
    pub fn into_problems(self) -> Vec<ConfigError> {
        self.problems.into_inner()
    }

    /// All keys that were asked for.
    pub fn into_keys(self) -> Vec<Key> {
        self.keys.into_inner()
    }
}

/// One table. Each getter takes its key; [`Section::finish`] complains of what nobody took.
pub struct Section<'a> {
    reader: &'a Reader,
    /// "" or "vad.".
    prefix: String,
    layers: Vec<(Source<'a>, DeTable<'a>)>,
    /// The table's own place, for what is missing in it.
    place: Place<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole of the files, the first over the others. A file that is no TOML is complained of
    /// and taken for empty.
    pub fn parse(reader: &'a Reader, sources: &[Source<'a>]) -> Self {
        let table = |source: &Source<'a>| match DeTable::parse(source.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                reader.complain(source.error(error.span(), error.message()));
                DeTable::new()
            }
        };
        let layers: Vec<_> = sources.iter().map(|s| (*s, table(s))).collect();
        let source = sources
            .first()
            .copied()
            .unwrap_or(Source { file: "", text: "" });
        Self {
            reader,
            prefix: String::new(),
            layers,
            place: Place { source, span: None },
            known: Vec::new(),
        }
    }

    fn part(&self, prefix: String) -> Self {
        Self {
            reader: self.reader,
            prefix,
            layers: Vec::new(),
            place: self.place.clone(),
            known: Vec::new(),
        }
    }

    /// The table under `key`; empty when it is not there.
    pub fn section(&mut self, key: &'static str) -> Self {
        self.known.push(key);
        let mut part = self.part(format!("{}{key}.", self.prefix));
        for (source, table) in &mut self.layers {
            let Some(value) = table.remove(key) else {
                continue;
            };
            let span = value.span();
            match value.into_inner() {
                DeValue::Table(table) => part.layers.push((*source, table)),
                _ => {
                    let place = Place {
                        source: *source,
                        span: Some(span),
                    };
                    let message = wrong(
                        &self.prefix,
                        key,
                        &place,
                        "a table",
                        "[…] on a line of its own",
                    );
                    complain(self.reader, &place, message);
                }
            }
        }
        part
    }

    /// The tables under `key`, by the names that the author gave them.
    pub fn each(&mut self, key: &'static str) -> Vec<(String, Self)> {
        let mut all = self.section(key);
        let mut names: BTreeMap<String, Place<'a>> = BTreeMap::new();
        for (source, table) in &all.layers {
            for name in table.keys() {
                let span = Some(name.span());
                let place = Place {
                    source: *source,
                    span,
                };
                names.entry(name.get_ref().to_string()).or_insert(place);
            }
        }
        let mut parts = Vec::new();
        for (name, place) in names {
            let mut part = all.part(format!("{}{name}.", all.prefix));
            part.place = place;
            for (source, table) in &mut all.layers {
                let Some(value) = table.remove(name.as_str()) else {
                    continue;
                };
                let place = Place {
                    source: *source,
                    span: Some(value.span()),
                };
                match value.into_inner() {
                    DeValue::Table(table) => part.layers.push((*source, table)),
                    _ => {
                        let message = wrong(
                            &all.prefix,
                            &name,
                            &place,
                            "a table",
                            "[…] on a line of its own",
                        );
                        complain(self.reader, &place, message);
                    }
                }
            }
            parts.push((name, part));
        }
        parts
    }

    /// The same keys under a name of the author's choice, for the reference.
    pub fn any(&mut self, key: &'static str) -> Self {
        self.part(format!("{}{key}.*.", self.prefix))
    }

    /// Whether no layer has `key`.
    pub fn lacks(&self, key: &str) -> bool {
        self.layers
            .iter()
            .all(|(_, table)| table.get(key).is_none())
    }

    fn take(&mut self, key: &'static str, kind: Kind) -> Option<(DeValue<'a>, Place<'a>)> {
        self.known.push(key);
        self.reader.keys.borrow_mut().push(Key {
            path: format!("{}{key}", self.prefix),
            kind,
        });
        let mut found = None;
        for (source, table) in &mut self.layers {
            let value: Option<Spanned<DeValue<'a>>> = table.remove(key);
            if let (Some(value), None) = (value, &found) {
                let span = Some(value.span());
                let place = Place {
                    source: *source,
                    span,
                };
                found = Some((value.into_inner(), place));
            }
        }
        found
    }

    /// Complains about what stands at `place`.
    pub fn complain(&self, place: &Place<'a>, message: impl Into<String>) {
        complain(self.reader, place, message.into());
    }

    /// Complains about the table, such as of a key that is missing.
    pub fn complain_here(&self, message: impl Into<String>) {
        complain(self.reader, &self.place, message.into());
    }

    /// The name of a key of this table, in full.
    pub fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn wrong(&self, key: &str, place: &Place<'a>, what: &str, example: &str) {
        complain(
            self.reader,
            place,
            wrong(&self.prefix, key, place, what, example),
        );
    }

    /// A string, with its place.
    pub fn text(&mut self, key: &'static str) -> Option<Text<'a>> {
        self.text_of(key, Kind::Text)
    }

    /// A string that should be one of a few; the caller checks it.
    pub fn choice(&mut self, key: &'static str, of: Vec<&'static str>) -> Option<Text<'a>> {
        self.text_of(key, Kind::Choice(of))
    }

    fn text_of(&mut self, key: &'static str, kind: Kind) -> Option<Text<'a>> {
        let (value, place) = self.take(key, kind)?;
        match value.as_str() {
            Some(value) => {
                let value = value.to_owned();
                Some(Text { value, place })
            }
            None => {
                self.wrong(key, &place, "a string", "\"text\"");
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some((value, place)) = self.take(key, Kind::Flag) else {
            return default;
        };
        value.as_bool().unwrap_or_else(|| {
            self.wrong(key, &place, "true or false", "true");
            default
        })
    }

    /// A list of strings.
    pub fn list(&mut self, key: &'static str, default: Vec<String>) -> Vec<String> {
        let Some((value, place)) = self.take(key, Kind::List) else {
            return default;
        };
        let list = value.as_array().and_then(|values| {
            let text = |v: &Spanned<DeValue>| v.get_ref().as_str().map(str::to_owned);
            values.iter().map(text).collect()
        });
        list.unwrap_or_else(|| {
            self.wrong(key, &place, "a list of strings", "[\"one\", \"two\"]");
            default
        })
    }

    /// Every key of the table under `key` with its string.
    pub fn map(&mut self, key: &'static str) -> BTreeMap<String, Text<'a>> {
        self.reader.keys.borrow_mut().push(Key {
            path: format!("{}{key}", self.prefix),
            kind: Kind::Map,
        });
        let part = self.section(key);
        let mut map = BTreeMap::new();
        for (source, table) in part.layers {
            for (name, value) in table {
                let place = Place {
                    source,
                    span: Some(value.span()),
                };
                match value.get_ref().as_str() {
                    Some(text) => {
                        let value = text.to_owned();
                        let name = name.get_ref().to_string();
                        map.entry(name).or_insert(Text { value, place });
                    }
                    None => {
                        let message =
                            wrong(&part.prefix, name.get_ref(), &place, "a string", "\"text\"");
                        complain(self.reader, &place, message);
                    }
                }
            }
        }
        map
    }

    /// Any value, as JSON.
    pub fn json(&mut self, key: &'static str) -> Option<(Value, Place<'a>)> {
        let (value, place) = self.take(key, Kind::Schema)?;
        Some((json(&value), place))
    }

    /// A number in `range`; whole numbers are fine.
    pub fn fraction(&mut self, key: &'static str, default: f32, range: RangeInclusive<f32>) -> f32 {
        let kind = Kind::Number((*range.start()).into(), (*range.end()).into());
        let Some((value, place)) = self.take(key, kind) else {
            return default;
        };
        let number = value
            .as_float()
            .map(|number| number.as_str())
            .or_else(|| value.as_integer().map(|number| number.as_str()))
            .and_then(|number| number.parse().ok());
        self.in_range(key, &place, number, &range, default)
    }

    /// A whole number in `range`.
    pub fn count(
        &mut self,
        key: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> usize {
        let kind = Kind::Count(*range.start(), *range.end());
        let Some((value, place)) = self.take(key, kind) else {
            return default;
        };
        let number = value
            .as_integer()
            .and_then(|number| number.as_str().parse().ok());
        self.in_range(key, &place, number, &range, default)
    }

    /// A duration with its unit, in `range`.
    pub fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let kind = Kind::Duration(*range.start(), *range.end());
        let Some((value, place)) = self.take(key, kind) else {
            return default;
        };
        match value.as_str().and_then(parse_duration) {
            Some(duration) if range.contains(&duration) => return duration,
            Some(_) => {
                let what = format!("from {:?} to {:?}", range.start(), range.end());
                self.wrong(key, &place, &what, &format!("\"{default:?}\""));
            }
            None => {
                let what = "a duration in quotes with its unit (ms, s, m or h)";
                self.wrong(key, &place, what, "\"500ms\" or \"1.5s\"");
            }
        }
        default
    }

    fn in_range<T: PartialOrd + Display>(
        &self,
        key: &str,
        place: &Place<'a>,
        number: Option<T>,
        range: &RangeInclusive<T>,
        default: T,
    ) -> T {
        match number.filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let what = format!("a number from {} to {}", range.start(), range.end());
                self.wrong(key, place, &what, &default.to_string());
                default
            }
        }
    }

    /// Complains of all keys that nobody took, with the known key nearest to each.
    pub fn finish(self) {
        for (source, table) in &self.layers {
            for key in table.keys() {
                let name: &str = key.get_ref();
                let nearest = nearest(name, self.known.iter().copied());
                let advice = match nearest {
                    Some(known) => format!("did you mean {}{known}?", self.prefix),
                    None => format!("known keys here: {}", self.known.join(", ")),
                };
                let message = format!("unknown key {}{name}; {advice}", self.prefix);
                self.reader
                    .complain(source.error(Some(key.span()), message));
            }
        }
    }
}

fn complain(reader: &Reader, place: &Place<'_>, message: String) {
    reader.complain(place.source.error(place.span.clone(), message));
}

fn wrong(prefix: &str, key: &str, place: &Place<'_>, what: &str, example: &str) -> String {
    let span = place.span.clone().unwrap_or_default();
    let found = place.source.text.get(span).unwrap_or_default();
    format!("{prefix}{key} = {found} must be {what}, such as {example}")
}

/// The one of `known` that `name` was probably meant to be.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let (edits, known) = known
        .into_iter()
        .map(|known| (edits(name, known), known))
        .min()?;
    (edits <= 1 + name.len() / 3).then_some(known)
}

fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => number
            .as_str()
            .parse::<i64>()
            .map_or(Value::Null, Value::from),
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .map_or(Value::Null, Value::from),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())))
            .collect(),
    }
}

/// "250ms", "1.5s", "10m", "1h".
pub fn parse_duration(text: &str) -> Option<Duration> {
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
