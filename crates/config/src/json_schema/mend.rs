//! Corrects what models write instead of what they mean: `null` for nothing, "2" for 2, JSON inside a string.

use serde_json::{Map, Value, json};

/// How many levels of references are followed: schemas may refer to themselves.
const DEPTH: usize = 16;

/// The value with obvious mistakes corrected; the rest is left as it is, for validation. `null` for an optional
/// property means an absent one; a number or boolean in quotes is converted unless a string is expected; an object or
/// array written as a JSON string is parsed.
pub fn mended(schema: &Value, value: Value) -> Value {
    mend(schema, schema, value, DEPTH)
}

fn mend(root: &Value, schema: &Value, value: Value, depth: usize) -> Value {
    let Some(left) = depth.checked_sub(1) else {
        return value;
    };
    let mut value = value;
    if let Some(target) = schema["$ref"].as_str() {
        let target = target.strip_prefix('#').and_then(|path| root.pointer(path));
        value = target.map_or(value.clone(), |target| mend(root, target, value, left));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        value = mend(root, part, value, left);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(branches) = schema[key].as_array() {
            value = mend_to_one(root, branches, value, left);
        }
    }
    let types = types(schema);
    let value = if types.is_empty() || types.iter().any(|kind| is_a(&value, kind)) {
        value
    } else {
        converted(&types, value)
    };
    match value {
        Value::Object(object) => mend_object(root, schema, object, left).into(),
        Value::Array(items) if schema["items"].is_object() => {
            let items = items.into_iter();
            let items = items.map(|item| mend(root, &schema["items"], item, left));
            items.collect()
        }
        // JSON has no integers: 2.0 is one, and servers expect it to be written as such.
        Value::Number(number) if types.contains(&"integer") && !types.contains(&"number") => {
            let whole = number
                .as_f64()
                .filter(|n| n.fract() == 0.0 && n.abs() < 9e15);
            whole.map_or(Value::Number(number), |n| json!(n as i64))
        }
        value => value,
    }
}

/// The value corrected by the first branch that accepts it, or that accepts it once corrected.
fn mend_to_one(root: &Value, branches: &[Value], value: Value, depth: usize) -> Value {
    let fits = |branch: &&Value, value: &Value| {
        let target = branch["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix('#'));
        let branch = target.and_then(|path| root.pointer(path)).unwrap_or(branch);
        let types = types(branch);
        types.is_empty() || types.iter().any(|kind| is_a(value, kind))
    };
    if let Some(branch) = branches.iter().find(|branch| fits(branch, &value)) {
        return mend(root, branch, value, depth);
    }
    let mended = branches.iter().find_map(|branch| {
        let mended = mend(root, branch, value.clone(), depth);
        fits(&branch, &mended).then_some(mended)
    });
    mended.unwrap_or(value)
}

fn mend_object(
    root: &Value,
    schema: &Value,
    object: Map<String, Value>,
    depth: usize,
) -> Map<String, Value> {
    let required = schema["required"].as_array();
    let is_required = |key: &str| required.is_some_and(|names| names.iter().any(|n| n == key));
    let properties = object.into_iter().filter_map(|(key, value)| {
        let Some(property) = schema["properties"].get(&key) else {
            return Some((key, value));
        };
        if value.is_null() && !is_required(&key) {
            return None;
        }
        let value = mend(root, property, value, depth);
        Some((key, value))
    });
    let mut properties: Map<_, _> = properties.collect();
    // A `null` that is not allowed is reported as missing: that is the simpler mistake.
    properties.retain(|key, value| {
        let types = types(&schema["properties"][key.as_str()]);
        !value.is_null() || types.is_empty() || types.contains(&"null")
    });
    properties
}

/// The types that a schema names, or the types of its listed values; empty for any type.
fn types(schema: &Value) -> Vec<&str> {
    let mut types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => {
            let values = schema["enum"].as_array().into_iter().flatten();
            values.chain(schema.get("const")).map(kind).collect()
        }
    };
    if !types.is_empty() && schema["nullable"] == true {
        types.push("null");
    }
    types
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    let is_whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
    kind(value) == name || (name == "integer" && is_whole)
}

/// The same value in one of these types, if possible.
fn converted(types: &[&str], value: Value) -> Value {
    let wants = |name: &str| types.contains(&name);
    let found = match &value {
        Value::String(text) => {
            let read = serde_json::from_str::<Value>(text.trim()).ok();
            let truth = match text.trim().to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            };
            let read = truth.filter(|_| wants("boolean")).or(read);
            read.filter(|read| types.iter().any(|kind| is_a(read, kind)))
        }
        Value::Number(number) if wants("string") => Some(number.to_string().into()),
        _ => None,
    };
    found.unwrap_or(value)
}

/// The schema as the validator needs it: `nullable` becomes a type, and an object accepts only its own properties
/// unless it says otherwise. Models invent arguments, and learn from error messages.
pub(super) fn closed(schema: &Value) -> Value {
    close(schema, true)
}

fn close(schema: &Value, is_whole: bool) -> Value {
    const OPEN: [&str; 8] = [
        "additionalProperties",
        "patternProperties",
        "unevaluatedProperties",
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
    ];
    let Some(object) = schema.as_object() else {
        return schema.clone();
    };
    let mut object = object.clone();
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for property in properties.values_mut() {
            *property = close(property, true);
        }
    }
    if let Some(items) = object.get_mut("items") {
        *items = close(items, true);
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for part in object
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            *part = close(part, false);
        }
    }
    for key in ["$defs", "definitions"] {
        for part in object
            .get_mut(key)
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
        {
            *part.1 = close(part.1, false);
        }
    }
    if is_whole
        && object.contains_key("properties")
        && !OPEN.iter().any(|k| object.contains_key(*k))
    {
        object.insert("additionalProperties".into(), false.into());
    }
    if object.remove("nullable") == Some(true.into()) {
        let types = match object.get("type") {
            Some(Value::String(name)) => json!([name, "null"]),
            Some(Value::Array(names)) if !names.contains(&json!("null")) => {
                names.iter().cloned().chain([json!("null")]).collect()
            }
            other => other.cloned().unwrap_or_default(),
        };
        if !types.is_null() {
            object.insert("type".into(), types);
        }
        if let Some(values) = object.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
    }
    object.into()
}

#[cfg(test)]
mod tests;
