//! Reads one table of a TOML file key by key, so that every error names the file, the line, the key and what to write
//! instead. Errors are collected: reading continues with the default, and the reader reports everything that is wrong
//! at once.
//!
//! A table may have layers: the agent's own file on top of `defaults.toml`. A key is taken from the first layer that
//! has it.

mod values;
mod words;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::ConfigError;
pub use words::nearest;

/// A configuration file's name and text, for errors.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file's name, as it was given.
    pub file: &'a str,
    /// The file's content.
    pub text: &'a str,
}

impl Source<'_> {
    /// An error about the text at `span`.
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

/// A position in a file.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    source: Source<'a>,
    span: Option<Range<usize>>,
}

/// A string and its position.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    /// The string.
    pub value: String,
    /// The position of the string.
    pub place: Place<'a>,
}

/// The type of a key's value; the generated reference consists of these.
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
    /// Any keys and values.
    Table,
}

/// A key that was requested.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// With dots; `*` stands for a name that the author chooses.
    pub path: String,
    /// The type of its value.
    pub kind: Kind,
}

/// Collects the errors, and the keys that exist.
#[derive(Debug, Default)]
pub struct Reader {
    problems: RefCell<Vec<ConfigError>>,
    keys: RefCell<Vec<Key>>,
}

impl Reader {
    /// Records an error.
    pub fn complain(&self, problem: ConfigError) {
        self.problems.borrow_mut().push(problem);
    }

    /// All errors.
    pub fn into_problems(self) -> Vec<ConfigError> {
        self.problems.into_inner()
    }

    /// All keys that were requested.
    pub fn into_keys(self) -> Vec<Key> {
        self.keys.into_inner()
    }
}

/// One table. Each getter takes its key; [`Section::finish`] reports the keys that were not taken.
pub struct Section<'a> {
    reader: &'a Reader,
    /// "" or "vad.".
    prefix: String,
    layers: Vec<(Source<'a>, DeTable<'a>)>,
    /// The table's own position, for errors about missing keys.
    place: Place<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole of the files, each on top of the next. A file that is not TOML is reported and treated as empty.
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

    /// The table under `key`; empty if it does not exist.
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

    /// The same keys under a name that the author chooses, for the reference.
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

    /// Where the table begins.
    pub fn place(&self) -> Place<'a> {
        self.place.clone()
    }

    /// Reports an error at `place`.
    pub fn complain(&self, place: &Place<'a>, message: impl Into<String>) {
        complain(self.reader, place, message.into());
    }

    /// Reports an error about the table itself, such as a missing key.
    pub fn complain_here(&self, message: impl Into<String>) {
        complain(self.reader, &self.place, message.into());
    }

    /// The full name of a key of this table.
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

    /// Reports all keys that were not taken, each with the most similar known key.
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
