//! JSON Schemas of tools' arguments and of calls' results: looked through when a file is read, and
//! held against what a model wrote.

mod mend;

use serde_json::{Map, Value};

use mend::closed;
pub use mend::mended;

/// Mistakes that are reported to a model at a time.
const MAX_TOLD: usize = 3;
/// Characters of what it is told.
const MAX_LINE: usize = 400;

const TYPES: [&str; 7] = [
    "object", "array", "string", "number", "integer", "boolean", "null",
];
/// Those of JSON Schema 2020-12 that say something about a value, and `nullable` of OpenAPI.
const KEYWORDS: &str = "type title description default examples format enum const properties \
    required additionalProperties patternProperties propertyNames minProperties maxProperties \
    dependentRequired items prefixItems contains minItems maxItems uniqueItems minimum maximum \
    exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern allOf anyOf oneOf not \
    if then else nullable deprecated readOnly writeOnly $defs definitions $ref $schema $id $comment";
/// With one of these a schema needs no `type`.
const TYPED: [&str; 7] = ["enum", "const", "$ref", "allOf", "anyOf", "oneOf", "not"];

/// What is wrong with a schema, each with its place in it; empty when nothing is.
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
    for key in ["anyOf", "oneOf"] {
        let branches = schema.get(key).and_then(Value::as_array);
        for (index, branch) in branches.into_iter().flatten().enumerate() {
            look(branch, &here(&format!("{key}[{index}]")), found);
        }
    }
}

/// Takes arguments as the model wrote them, with what is clearly meant put right ([`mended`]).
///
/// # Errors
/// They are not as `schema` wants them: one line that tells the model what to mend.
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

/// Never fetches what a `$ref` names elsewhere.
fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    let options = jsonschema::options().offline();
    let options = options.should_validate_formats(true);
    options
        .build(&closed(schema))
        .map_err(|error| format!("the schema itself is wrong: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_looked_through() {
        let schema = json!({
            "type": "object", "required": ["day", "hour"],
            "properties": {"day": {"type": "strin"}, "people": {"minimum": "2", "patern": "x"}},
        });
        let found = problems(&schema).join("\n");
        for part in [
            "properties.day.type = \"strin\" must be one of object",
            "properties.people.type is missing",
            "properties.people.minimum must be a number",
            "unknown keyword properties.people.patern",
            "required names \"hour\", which is no property",
        ] {
            assert!(found.contains(part), "{part} is not in:\n{found}");
        }
        assert!(problems(&json!(3))[0].contains("must be a table"));
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_found() {
        let schema = |property: Value| json!({"type": "object", "properties": {"a": property}});
        for bad in [
            json!({"type": "string", "pattern": "("}),
            json!({"type": "string", "minLength": -1}),
            json!({"$ref": "#/$defs/gone"}),
            json!({"$ref": "https://schemas.example/day.json"}),
            json!({"anyOf": [{"type": "strin"}]}),
        ] {
            assert!(!problems(&schema(bad.clone())).is_empty(), "{bad}");
        }
        let good = json!({
            "type": "object", "required": ["day"], "$defs": {"day": {"type": "string"}},
            "properties": {
                "day": {"$ref": "#/$defs/day"},
                "note": {"type": ["string", "null"], "maxLength": 200},
                "mail": {"type": "string", "format": "email", "nullable": true},
                "kind": {"const": "table"},
                "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            },
        });
        assert_eq!(problems(&good), Vec::<String>::new());
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
                "mail": {"type": "string", "format": "email"},
            },
        });
        assert!(problems(&schema).is_empty());
        let wrong = |value: Value| accept(&schema, value).err().unwrap_or_default();
        assert_eq!(
            wrong(json!({"day": "Monday", "people": 2.0, "names": ["Ada"]})),
            ""
        );
        for (value, part) in [
            (json!([]), "is not of type \"object\""),
            (json!({}), "\"day\" is a required property"),
            (json!({"day": null}), "\"day\" is a required property"),
            (json!({"day": "x"}), "day: \"x\" is shorter than 2"),
            (
                json!({"day": "Mo", "people": 9}),
                "people: 9 is greater than",
            ),
            (json!({"day": "Mo", "peple": 9}), "peple"),
            (
                json!({"day": "Mo", "area": "roof"}),
                "area: \"roof\" is not one of",
            ),
            (json!({"day": "Mo", "names": [{}]}), "names.0: "),
            (
                json!({"day": "Mo", "mail": "ada"}),
                "mail: \"ada\" is not a \"email\"",
            ),
        ] {
            let told = wrong(value.clone());
            assert!(told.contains(part), "{value}: {told}");
            assert!(!told.contains('\n'), "{told}");
        }
    }
}
