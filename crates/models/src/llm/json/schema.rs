//! JSON Schema, as far as it shapes a text.
//!
//! Supported are types, `enum`, `const`, `properties`, `required`, `items`, `anyOf`, `oneOf`, `allOf`, references
//! within the schema, `nullable`, and the limits of strings, numbers and lists. Further constraints on a value
//! (`pattern`, `format`, `multipleOf`, `not` …) are ignored: the recipient of the value checks it against the whole
//! schema. Where a schema sets no limit, the limits here apply.

use serde_json::{Map, Value};

use super::number::Range;

/// Maximum characters of a string whose schema sets no limit, and the highest limit that a schema can set.
const TEXT: usize = 400;
const LONGEST_TEXT: usize = 2000;
/// Maximum characters of a key that the schema does not name.
const KEY: usize = 40;
/// Maximum elements of a list whose schema sets no limit, and the highest limit that a schema can set.
const ELEMENTS: usize = 16;
const MOST_ELEMENTS: usize = 64;
/// Maximum keys of an object, so that a set of them fits into one number.
const KEYS: usize = 64;
/// Maximum nesting depth of values.
const DEPTH: usize = 8;
/// Maximum nesting depth of values where a schema does not constrain them.
const FREE_DEPTH: usize = 3;
/// Maximum parts of a schema, with all references followed.
const PARTS: usize = 4096;
/// Numbers without a limit are smaller than this.
const LARGEST: f64 = 1e12;

/// A part of a schema.
pub(super) type Id = usize;

/// A JSON Schema that a text can be made to follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    pub(super) parts: Vec<Part>,
    pub(super) root: Id,
}

/// Why a schema cannot be enforced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSchema(String);

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// One of these, in their JSON spelling.
    Literals(Vec<String>),
    /// A string with a length in this range.
    Text {
        least: usize,
        most: usize,
    },
    Number(Range),
    List {
        items: Id,
        least: usize,
        most: usize,
    },
    Object {
        properties: Vec<Property>,
        /// The value of unnamed keys; `None` if there may be none.
        others: Option<Id>,
    },
    OneOf(Vec<Id>),
}

/// A key of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Property {
    /// Including its quotation marks.
    pub(super) key: String,
    pub(super) value: Id,
    pub(super) required: bool,
}

impl Schema {
    /// Reads a JSON Schema.
    ///
    /// # Errors
    /// If it is not a schema, is too large, or matches no value.
    pub fn read(schema: &Value) -> Result<Self, BadSchema> {
        let mut reader = Reader {
            whole: schema,
            parts: Vec::new(),
        };
        let root = reader.part(schema, 0)?;
        let parts = reader.parts;
        Ok(Self { parts, root })
    }

    /// A schema that matches any object.
    pub fn object() -> Self {
        let mut reader = Reader {
            whole: &Value::Null,
            parts: Vec::new(),
        };
        let others = reader.anything(1);
        let root = reader.parts.len();
        let mut parts = reader.parts;
        parts.push(Part::Object {
            properties: Vec::new(),
            others: Some(others),
        });
        Self { parts, root }
    }

    /// A tool call `{"name": …, "arguments": …}` with one of these names and its schema.
    ///
    /// # Errors
    /// If a schema cannot be read: which one, and why.
    pub fn call<'t>(
        tools: impl IntoIterator<Item = (&'t str, &'t Value)>,
    ) -> Result<Self, (usize, BadSchema)> {
        let mut parts = Vec::new();
        let mut calls = Vec::new();
        for (n, (name, arguments)) in tools.into_iter().enumerate() {
            let mut reader = Reader {
                whole: arguments,
                parts,
            };
            let bad = |problem| (n, problem);
            let name = reader
                .add(Part::Literals(vec![Value::from(name).to_string()]))
                .map_err(bad)?;
            let arguments = match arguments {
                Value::Null => reader.add(Part::Object {
                    properties: Vec::new(),
                    others: None,
                }),
                schema => reader.part(schema, 0),
            };
            let properties = [
                ("\"name\"", name),
                ("\"arguments\"", arguments.map_err(bad)?),
            ];
            let properties = properties.map(|(key, value)| Property {
                key: key.to_owned(),
                value,
                required: true,
            });
            let call = reader.add(Part::Object {
                properties: properties.into(),
                others: None,
            });
            calls.push(call.map_err(bad)?);
            parts = reader.parts;
        }
        let root = parts.len();
        parts.push(Part::OneOf(calls));
        Ok(Self { parts, root })
    }
}

struct Reader<'s> {
    /// The document that references point into.
    whole: &'s Value,
    parts: Vec<Part>,
}

impl Reader<'_> {
    fn add(&mut self, part: Part) -> Result<Id, BadSchema> {
        if self.parts.len() >= PARTS {
            let message = format!("the schema has more than {PARTS} parts; make it smaller");
            return Err(BadSchema(message));
        }
        self.parts.push(part);
        Ok(self.parts.len() - 1)
    }

    fn part(&mut self, schema: &Value, depth: usize) -> Result<Id, BadSchema> {
        if depth >= DEPTH {
            return Ok(self.anything(FREE_DEPTH));
        }
        let schema = match schema {
            Value::Bool(true) => return Ok(self.anything(0)),
            Value::Object(schema) => schema,
            other => return Err(BadSchema(format!("{other} is no schema; write an object"))),
        };
        if let Some(place) = schema.get("$ref") {
            let found = place.as_str().and_then(|place| place.strip_prefix('#'));
            let found = found.and_then(|place| self.whole.pointer(place)).cloned();
            let missing = || BadSchema(format!("$ref {place} is not in the schema"));
            return self.part(&found.ok_or_else(missing)?, depth + 1);
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            let merged = self.merged(schema, all)?;
            return self.part(&merged.into(), depth + 1);
        }
        if schema.get("nullable") == Some(&Value::Bool(true)) {
            let mut rest = schema.clone();
            rest.remove("nullable");
            let rest = self.part(&rest.into(), depth + 1)?;
            let null = self.add(Part::Literals(vec!["null".into()]))?;
            return self.add(Part::OneOf(vec![rest, null]));
        }
        if let Some(value) = schema.get("const") {
            return self.add(Part::Literals(vec![value.to_string()]));
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            if values.is_empty() || values.len() > PARTS {
                let message = format!(
                    "enum has {} values; 1 to {PARTS} are possible",
                    values.len()
                );
                return Err(BadSchema(message));
            }
            return self.add(Part::Literals(values));
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(key).and_then(Value::as_array) {
                let branches: Vec<Id> = branches
                    .iter()
                    .map(|branch| self.part(branch, depth + 1))
                    .collect::<Result<_, _>>()?;
                return match branches.is_empty() {
                    true => Err(BadSchema(format!("{key} is empty"))),
                    false => self.add(Part::OneOf(branches)),
                };
            }
        }
        match schema.get("type") {
            Some(Value::String(kind)) => self.of_type(kind, schema, depth),
            Some(Value::Array(kinds)) => {
                let kinds: Vec<Id> = kinds
                    .iter()
                    .map(|kind| self.of_type(kind.as_str().unwrap_or_default(), schema, depth))
                    .collect::<Result<_, _>>()?;
                match kinds.is_empty() {
                    true => Err(BadSchema("type is an empty list".into())),
                    false => self.add(Part::OneOf(kinds)),
                }
            }
            _ if schema.contains_key("properties") => self.of_type("object", schema, depth),
            _ if schema.contains_key("items") => self.of_type("array", schema, depth),
            _ => Ok(self.anything(0)),
        }
    }

    /// Merges several object schemas that must all hold.
    fn merged(
        &self,
        schema: &Map<String, Value>,
        all: &[Value],
    ) -> Result<Map<String, Value>, BadSchema> {
        let mut merged = schema.clone();
        merged.remove("allOf");
        for part in all {
            let place = part.get("$ref").and_then(Value::as_str);
            let part = match place.and_then(|place| place.strip_prefix('#')) {
                Some(place) => self.whole.pointer(place).unwrap_or(&Value::Null),
                None => part,
            };
            let Some(part) = part.as_object() else {
                return Err(BadSchema("allOf has a part that is no schema".into()));
            };
            for (key, value) in part {
                match (merged.get_mut(key), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
                    (Some(Value::Array(known)), Value::Array(more)) => known.extend(more.clone()),
                    _ => drop(merged.insert(key.clone(), value.clone())),
                }
            }
        }
        Ok(merged)
    }

    fn of_type(
        &mut self,
        kind: &str,
        schema: &Map<String, Value>,
        depth: usize,
    ) -> Result<Id, BadSchema> {
        let count = |key: &str| schema.get(key).and_then(Value::as_u64).map(|n| n as usize);
        let between = |least: &str, most: &str, usual: usize, top: usize| {
            let least = count(least).unwrap_or(0);
            let most = count(most).unwrap_or(usual.max(least)).min(top);
            match least <= most {
                true => Ok((least, most)),
                false => Err(BadSchema(format!("no value has {least} to {most} parts"))),
            }
        };
        let part = match kind {
            "string" => {
                let (least, most) = between("minLength", "maxLength", TEXT, LONGEST_TEXT)?;
                Part::Text { least, most }
            }
            "number" | "integer" => Part::Number(range(schema, kind == "integer")?),
            "boolean" => Part::Literals(vec!["true".into(), "false".into()]),
            "null" => Part::Literals(vec!["null".into()]),
            "array" => {
                let (least, most) = between("minItems", "maxItems", ELEMENTS, MOST_ELEMENTS)?;
                let items = match schema.get("items") {
                    Some(items) => self.part(items, depth + 1)?,
                    None => self.anything(depth + 1),
                };
                Part::List { items, least, most }
            }
            "object" => self.object(schema, depth)?,
            other => return Err(BadSchema(format!("type {other:?} is unknown"))),
        };
        self.add(part)
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Result<Part, BadSchema> {
        let empty = Map::new();
        let named = schema.get("properties").and_then(Value::as_object);
        let named = named.unwrap_or(&empty);
        let required = schema.get("required").and_then(Value::as_array);
        let required: Vec<&str> = required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let unnamed = required.iter().filter(|name| !named.contains_key(**name));
        let anything = Value::Bool(true);
        let all = named.iter().map(|(name, schema)| (name.as_str(), schema));
        let all: Vec<_> = all.chain(unnamed.map(|name| (*name, &anything))).collect();
        if all.len() > KEYS {
            let message = format!("an object has {} keys; {KEYS} at most", all.len());
            return Err(BadSchema(message));
        }
        let mut properties = Vec::with_capacity(all.len());
        for (name, schema) in all {
            properties.push(Property {
                key: Value::from(name).to_string(),
                value: self.part(schema, depth + 1)?,
                required: required.contains(&name),
            });
        }
        let others = match schema.get("additionalProperties") {
            // as in the validator: unnamed keys are not allowed
            _ if !properties.is_empty() => None,
            Some(Value::Bool(false)) => None,
            Some(schema @ Value::Object(_)) => Some(self.part(schema, depth + 1)?),
            _ => Some(self.anything(1)),
        };
        Ok(Part::Object { properties, others })
    }

    /// Any value; `depth` values enclose it already.
    fn anything(&mut self, depth: usize) -> Id {
        let mut kinds = vec![
            Part::Literals(["null", "true", "false"].map(str::to_owned).into()),
            Part::Text {
                least: 0,
                most: TEXT,
            },
            Part::Number(Range {
                low: -LARGEST,
                high: LARGEST,
                whole: false,
            }),
        ];
        if depth < FREE_DEPTH {
            let within = self.anything(depth + 1);
            kinds.push(Part::List {
                items: within,
                least: 0,
                most: ELEMENTS,
            });
            kinds.push(Part::Object {
                properties: Vec::new(),
                others: Some(within),
            });
        }
        let first = self.parts.len();
        let kinds_count = kinds.len();
        // may exceed the limit by a few parts: the caller adds one more, and that is refused
        self.parts.extend(kinds);
        self.parts
            .push(Part::OneOf((first..first + kinds_count).collect()));
        self.parts.len() - 1
    }
}

fn range(schema: &Map<String, Value>, whole: bool) -> Result<Range, BadSchema> {
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    let step = |from: f64, up: bool| match (whole, up) {
        (true, true) => from.floor() + 1.0,
        (true, false) => from.ceil() - 1.0,
        (false, true) => from.next_up(),
        (false, false) => from.next_down(),
    };
    let low = number("exclusiveMinimum").map(|low| step(low, true));
    let high = number("exclusiveMaximum").map(|high| step(high, false));
    let range = Range {
        low: number("minimum")
            .into_iter()
            .chain(low)
            .fold(-LARGEST, f64::max),
        high: number("maximum")
            .into_iter()
            .chain(high)
            .fold(LARGEST, f64::min),
        whole,
    };
    let range = match whole {
        true => Range {
            low: range.low.ceil(),
            high: range.high.floor(),
            whole,
        },
        false => range,
    };
    match range.low > range.high {
        true => Err(BadSchema(format!(
            "no number is between {} and {}",
            range.low, range.high
        ))),
        false => Ok(range),
    }
}

/// A key that is not named.
pub(super) const FREE_KEY: Part = Part::Text {
    least: 1,
    most: KEY,
};
/// Maximum keys of an object that names none.
pub(super) const FREE_KEYS: usize = ELEMENTS;
