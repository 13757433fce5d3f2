//! JSON Schemas of tools' arguments and of calls' results: checked when a file is read, and used to validate what a
//! model wrote.

mod mend;

use serde_json::{Map, Value};

use mend::closed;
pub use mend::mended;

/// How many mistakes are reported to a model at a time.
const MAX_TOLD: usize = 3;
/// The most characters in such a report.
const MAX_LINE: usize = 400;

const TYPES: [&str; 7] = [
    "object", "array", "string", "number", "integer", "boolean", "null",
];
/// The keywords of JSON Schema 2020-12 that constrain or describe a value, and OpenAPI's `nullable`.
const KEYWORDS: &str = "type title description default examples format enum const properties \
    required additionalProperties patternProperties propertyNames minProperties maxProperties \
    dependentRequired items prefixItems contains minItems maxItems uniqueItems minimum maximum \
    exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern allOf anyOf oneOf not \
    if then else nullable deprecated readOnly writeOnly $defs definitions $ref $schema $id $comment";
/// With one of these a schema needs no `type`.
const TYPED: [&str; 7] = ["enum", "const", "$ref", "allOf", "anyOf", "oneOf", "not"];

/// What is wrong with a schema, each problem with its place in it; empty if nothing is.
pub fn problems(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(schema, "", &mut found);
    if found.is_empty()
        && let Err(problem) = validator(schema)
    {
        found.push(problem);
    }
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
        if !KEYWORDS.split_whitespace().any(|known| known == key) {
            found.push(format!(
                "unknown keyword {}; known are {KEYWORDS}",
                here(key)
            ));
        }
    }
    let is_type = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    match schema.get("type") {
        Some(Value::Array(names)) if !names.is_empty() && names.iter().all(is_type) => {}
        Some(name) if is_type(name) => {}
        Some(other) => found.push(format!(
            "{} = {other} must be one of {}",
            here("type"),
            TYPES.join(", ")
        )),
        None if TYPED.iter().any(|key| schema.contains_key(*key)) => {}
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
                let is_known = name.as_str().is_some_and(|n| properties.contains_key(n));
                if !is_known && !TYPED.iter().any(|key| schema.contains_key(*key)) {
                    found.push(format!(
                        "{} names {name}, which is not a property",
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
    for key in ["anyOf", "oneOf"] {
        let branches = schema.get(key).and_then(Value::as_array);
        for (index, branch) in branches.into_iter().flatten().enumerate() {
            look(branch, &here(&format!("{key}[{index}]")), found);
        }
    }
}

/// Accepts arguments as the model wrote them, after obvious mistakes are corrected ([`mended`]).
///
/// # Errors
/// They do not match `schema`: one line that tells the model what to fix.
pub fn accept(schema: &Value, value: Value) -> Result<Value, String> {
    let value = mended(schema, value);
    let validator = validator(schema)?;
    let wrong = validator.iter_errors(&value).map(|error| {
        let at = error.instance_path().as_str().trim_start_matches('/');
        match at {
            "" => error.to_string(),
            at => format!("{}: {error}", at.replace('/', ".")),
        }
    });
    let wrong: Vec<String> = wrong.take(MAX_TOLD).collect();
    if wrong.is_empty() {
        return Ok(value);
    }
    let line = wrong.join("; ").replace(['\n', '\r'], " ");
    Err(line.chars().take(MAX_LINE).collect())
}

/// Never fetches anything that a `$ref` points to elsewhere.
fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    let options = jsonschema::options().offline();
    let options = options.should_validate_formats(true);
    options
        .build(&closed(schema))
        .map_err(|error| format!("the schema itself is wrong: {error}"))
}

#[cfg(test)]
mod tests;
