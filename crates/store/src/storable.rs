//! What both databases store: PostgreSQL refuses U+0000 in text and in JSON, and with it the whole row. Who writes
//! something of what participants, models and LiveKit say leaves it out. PURE.

use serde_json::Value;

/// The text without U+0000.
pub fn text(text: &str) -> String {
    text.replace('\0', "")
}

/// The value without U+0000, in texts and in names.
pub fn json(value: Value) -> Value {
    match value {
        Value::String(one) => Value::String(text(&one)),
        Value::Array(list) => list.into_iter().map(json).collect(),
        Value::Object(object) => {
            let fields = object.into_iter();
            fields
                .map(|(name, value)| (text(&name), json(value)))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

#[cfg(test)]
mod tests;
