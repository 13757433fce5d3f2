//! The part of JSON Schema (2020-12) that models are told of tools' arguments in: checked when a
//! file is read, and again against what the model wrote.

use serde_json::{Map, Value};

const TYPES: [&str; 7] = [
    "object", "array", "string", "number", "integer", "boolean", "null",
];
const KEYWORDS: [&str; 15] = [
    "type",
    "title",
    "description",
    "default",
    "examples",
    "format",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
];

/// What is wrong with a schema, each with its place in it; empty when nothing is.
pub fn problems(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(schema, "", &mut found);
    found
}

fn look(schema: &Value, at: &str, found: &mut Vec<String>) {
    let here = |key: &str| {
        if at.is_empty() {
            key.to_owned()
        } else {
            format!("{at}.{key}")
        }
    };
    let Some(schema) = schema.as_object() else {
        found.push(format!("{} must be a table", here("schema")));
        return;
    };
    for key in schema.keys() {
        if !KEYWORDS.contains(&key.as_str()) {
            found.push(format!(
                "unknown keyword {}; known are {}",
                here(key),
                KEYWORDS.join(", ")
            ));
        }
    }
    match schema.get("type") {
        Some(Value::String(name)) if TYPES.contains(&name.as_str()) => {}
        Some(other) => found.push(format!(
            "{} = {other} must be one of {}",
            here("type"),
            TYPES.join(", ")
        )),
        None if schema.contains_key("enum") => {}
        None => found.push(format!(
            "{} is missing; use one of {}",
            here("type"),
            TYPES.join(", ")
        )),
    }
    if let Some(values) = schema.get("enum")
        && values.as_array().is_none_or(Vec::is_empty)
    {
        found.push(format!("{} must be a list of values", here("enum")));
    }
    for key in ["minimum", "maximum", "minLength", "maxLength"] {
        if schema.get(key).is_some_and(|value| !value.is_number()) {
            found.push(format!("{} must be a number", here(key)));
        }
    }
    let empty = Map::new();
    let properties = match schema.get("properties") {
        None => &empty,
        Some(Value::Object(properties)) => properties,
        Some(_) => {
            found.push(format!("{} must be a table of schemas", here("properties")));
            &empty
        }
    };
    for (name, property) in properties {
        look(property, &here(&format!("properties.{name}")), found);
    }
    match schema.get("required") {
        None => {}
        Some(Value::Array(names)) => {
            for name in names {
                if !name.as_str().is_some_and(|n| properties.contains_key(n)) {
                    found.push(format!(
                        "{} names {name}, which is no property",
                        here("required")
                    ));
                }
            }
        }
        Some(_) => found.push(format!("{} must be a list of names", here("required"))),
    }
    if let Some(items) = schema.get("items") {
        look(items, &here("items"), found);
    }
}

/// Whether `value` is as `schema` wants it.
///
/// # Errors
/// It is not: the text tells the model what to mend.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    check_at(schema, value, "")
}

fn check_at(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let name = if at.is_empty() { "the arguments" } else { at };
    if let Some(kind) = schema["type"].as_str()
        && !is_a(value, kind)
    {
        return Err(format!("{name} must be of type {kind}, not {value}"));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        return Err(format!(
            "{name} must be one of {}, not {value}",
            values.join(", ")
        ));
    }
    let number = value.as_f64();
    let length = value.as_str().map(|text| text.chars().count() as f64);
    for (key, of, is_least) in [
        ("minimum", number, true),
        ("maximum", number, false),
        ("minLength", length, true),
        ("maxLength", length, false),
    ] {
        if let (Some(limit), Some(of)) = (schema[key].as_f64(), of)
            && (if is_least { of < limit } else { of > limit })
        {
            return Err(format!("{name} = {value} breaks {key} {limit}"));
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (index, value) in values.iter().enumerate() {
            check_at(items, value, &format!("{at}[{index}]"))?;
        }
    }
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    let path = |key: &str| {
        if at.is_empty() {
            key.to_owned()
        } else {
            format!("{at}.{key}")
        }
    };
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().unwrap_or_default();
        if !object.contains_key(key) {
            return Err(format!("{} is missing", path(key)));
        }
    }
    for (key, value) in object {
        match schema["properties"].get(key) {
            Some(property) => check_at(property, value, &path(key))?,
            None if schema["additionalProperties"] == true => {}
            None => return Err(format!("{} is no argument of this tool", path(key))),
        }
    }
    Ok(())
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        // JSON has no integers; 3.0 is one.
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_looked_through() {
        let schema = json!({
            "type": "object", "required": ["day", "hour"],
            "properties": {"day": {"type": "strin"}, "people": {"minimum": "2", "pattern": "x"}},
        });
        let found = problems(&schema).join("\n");
        for part in [
            "properties.day.type = \"strin\" must be one of object",
            "properties.people.type is missing",
            "properties.people.minimum must be a number",
            "unknown keyword properties.people.pattern",
            "required names \"hour\", which is no property",
        ] {
            assert!(found.contains(part), "{part} is not in:\n{found}");
        }
        assert!(problems(&json!(3))[0].contains("must be a table"));
    }

    #[test]
    fn arguments_are_checked() {
        let schema = json!({
            "type": "object", "required": ["day"],
            "properties": {
                "day": {"type": "string", "minLength": 2},
                "people": {"type": "integer", "minimum": 1, "maximum": 8},
                "area": {"enum": ["inside", "terrace"]},
                "names": {"type": "array", "items": {"type": "string"}},
            },
        });
        assert!(problems(&schema).is_empty());
        let check = |value: Value| check(&schema, &value).err().unwrap_or_default();
        assert_eq!(
            check(json!({"day": "Monday", "people": 2.0, "names": ["Ada"]})),
            ""
        );
        assert_eq!(
            check(json!([])),
            "the arguments must be of type object, not []"
        );
        assert_eq!(check(json!({})), "day is missing");
        assert_eq!(check(json!({"day": "x"})), "day = \"x\" breaks minLength 2");
        assert_eq!(
            check(json!({"day": "Mo", "people": 9})),
            "people = 9 breaks maximum 8"
        );
        assert_eq!(
            check(json!({"day": "Mo", "peple": 9})),
            "peple is no argument of this tool"
        );
        assert!(check(json!({"day": "Mo", "area": "roof"})).contains("one of \"inside\""));
        assert!(check(json!({"day": "Mo", "names": [3]})).starts_with("names[0] must be of type"));
    }
}
