//! Parses durations, and finds the name that a misspelt one was meant to be.

use std::time::Duration;

use serde_json::Value;
use toml::de::DeValue;

/// The one of `known` that `name` was probably meant to be.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let (edits, known) = known
        .into_iter()
        .map(|known| (strsim::levenshtein(name, known), known))
        .min()?;
    (edits <= 1 + name.len() / 3).then_some(known)
}

/// A TOML value as JSON; dates and times become strings.
pub fn json(value: &DeValue<'_>) -> Value {
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

/// Parses "250ms", "1.5s", "10m", "1h".
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
    // Rounds to whole microseconds, so that 0.3 s is exactly 300 ms.
    let micros = (number * seconds * 1e6).round();
    (0.0..1e15)
        .contains(&micros)
        .then(|| Duration::from_micros(micros as u64))
}

#[cfg(test)]
mod tests;
