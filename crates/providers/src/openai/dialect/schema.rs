//! JSON Schema of tools' arguments in the words that every server knows. PURE.
//!
//! Servers that translate schemas (Google's, and those that constrain what a model writes) refuse whole requests for a
//! keyword that they lack, such as `additionalProperties` or `$schema`, which servers of tools add by themselves. What is
//! left out here still holds: arguments are checked against the whole schema before a tool runs.

use serde_json::{Map, Value, json};

/// Keywords that stay as they are.
const KNOWN: [&str; 4] = ["type", "description", "enum", "required"];
/// How deep schemas are followed; one that refers to itself ends here.
const DEPTH: usize = 8;

/// Rewrites the schemas of a request's tools.
pub(super) fn simplify(request: &mut Value) {
    for tool in request["tools"].as_array_mut().into_iter().flatten() {
        // The Responses API has no table around name and schema.
        for at in ["/function/parameters", "/parameters"] {
            if let Some(schema) = tool.pointer_mut(at) {
                *schema = simple(schema, schema, 0);
            }
        }
    }
}

fn simple(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(fields) = schema.as_object().filter(|_| depth <= DEPTH) else {
        // `true` allows everything.
        return json!({});
    };
    let mut out = Map::new();
    let referred = fields.get("$ref").and_then(Value::as_str);
    let referred = referred.and_then(|at| root.pointer(at.strip_prefix('#')?));
    let all = fields.get("allOf").and_then(Value::as_array);
    // Both stand for their contents.
    for part in referred.into_iter().chain(all.into_iter().flatten()) {
        let part = simple(part, root, depth + 1);
        merge(&mut out, part);
    }
    let mut own = Map::new();
    for (name, value) in fields {
        let value = match (name.as_str(), value) {
            // Null is an absent argument, and so need not be offered.
            ("type", Value::Array(types)) => types.iter().find(|t| *t != "null").cloned(),
            ("const", value) => {
                own.insert("enum".into(), json!([value]));
                None
            }
            ("properties", Value::Object(properties)) => {
                let each =
                    |(name, one): (&String, &Value)| (name.clone(), simple(one, root, depth + 1));
                Some(Value::Object(properties.iter().map(each).collect()))
            }
            ("items", Value::Object(_)) => Some(simple(value, root, depth + 1)),
            ("anyOf" | "oneOf", Value::Array(ways)) => {
                let ways = ways.iter().filter(|way| way["type"] != "null");
                let mut ways: Vec<Value> = ways.map(|way| simple(way, root, depth + 1)).collect();
                match ways.len() {
                    1 => merge(&mut own, ways.remove(0)),
                    _ => drop(own.insert("anyOf".into(), ways.into())),
                }
                None
            }
            (name, value) if KNOWN.contains(&name) => Some(value.clone()),
            _ => None,
        };
        own.extend(value.map(|value| (name.clone(), value)));
    }
    merge(&mut out, own.into());
    out.into()
}

/// Adds the fields of another schema: properties and what is required of both count.
fn merge(into: &mut Map<String, Value>, other: Value) {
    let Value::Object(other) = other else { return };
    for (name, value) in other {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
            (Some(Value::Array(known)), Value::Array(more)) if name == "required" => {
                known.extend(more);
            }
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests;
