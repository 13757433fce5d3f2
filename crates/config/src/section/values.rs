//! Getters for the types of values; each reports a value of another type.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::words::{json, parse_duration};
use super::{Key, Kind, Place, Section, Text, complain, wrong};

impl<'a> Section<'a> {
    /// A string, with its position.
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

    /// All keys of the table under `key`, with their strings.
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

    /// A table with any keys and values, as JSON.
    pub fn table(
        &mut self,
        key: &'static str,
    ) -> Option<(serde_json::Map<String, Value>, Place<'a>)> {
        let (value, place) = self.take(key, Kind::Table)?;
        match json(&value) {
            Value::Object(table) => Some((table, place)),
            _ => {
                self.wrong(key, &place, "a table", "{ name = \"value\" }");
                None
            }
        }
    }

    /// A number in `range`; integers are accepted.
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
}
