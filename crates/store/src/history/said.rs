//! Filters calls by what a backend wrote about them: fields of their metadata.

use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{Database, Postgres, QueryBuilder, Sqlite};

use super::like_pattern;

/// A field of a call's metadata is this: the text as it stands, or the number or truth value that it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataIs {
    /// The name of a top-level field.
    pub name: String,
    /// The value as it stands in a request: `42` matches the number 42 and the text "42".
    pub value: String,
}

impl MetadataIs {
    /// The number or boolean that the value spells, if any.
    fn plain(&self) -> Option<Value> {
        let value = serde_json::from_str(&self.value).ok()?;
        matches!(value, Value::Number(_) | Value::Bool(_)).then_some(value)
    }
}

/// The condition in each database's own SQL: they have no JSON operator in common that takes any name.
pub(in super::super) trait Says: Database {
    fn push(query: &mut QueryBuilder<Self>, said: &MetadataIs);

    /// Pushes the condition that a column has a text in it, in capitals or not.
    fn push_has(query: &mut QueryBuilder<Self>, column: &'static str, text: &str);
}

impl Says for Sqlite {
    fn push(query: &mut QueryBuilder<Self>, said: &MetadataIs) {
        query
            .push(" AND voice_calls.metadata <> '{}'")
            .push(" AND EXISTS (SELECT 1 FROM json_each(voice_calls.metadata) AS said WHERE said.key = ")
            .push_bind(said.name.clone())
            .push(" AND (said.type = 'text' AND said.atom = ")
            .push_bind(said.value.clone());
        match said.plain() {
            Some(Value::Bool(is)) => {
                query.push(" OR said.type = ").push_bind(is.to_string());
            }
            Some(Value::Number(number)) => {
                query.push(" OR said.type IN ('integer', 'real') AND said.atom = ");
                match number.as_i64() {
                    Some(whole) => query.push_bind(whole),
                    None => query.push_bind(number.as_f64()),
                };
            }
            _ => {}
        }
        query.push("))");
    }

    fn push_has(query: &mut QueryBuilder<Self>, column: &'static str, text: &str) {
        let pattern = format!("(?i){}", regex::escape(text));
        query.push(column).push(" REGEXP ").push_bind(pattern);
    }
}

impl Says for Postgres {
    fn push(query: &mut QueryBuilder<Self>, said: &MetadataIs) {
        let field = |value: Value| Json(Map::from_iter([(said.name.clone(), value)]));
        // The index `voice_calls_metadata` covers only calls that have metadata.
        query
            .push(" AND voice_calls.metadata <> '{}' AND (voice_calls.metadata @> ")
            .push_bind(field(said.value.clone().into()));
        if let Some(plain) = said.plain() {
            query
                .push(" OR voice_calls.metadata @> ")
                .push_bind(field(plain));
        }
        query.push(")");
    }

    fn push_has(query: &mut QueryBuilder<Self>, column: &'static str, text: &str) {
        let pattern = like_pattern(text);
        query.push(format_args!("LOWER({column}) LIKE "));
        query.push_bind(pattern).push(" ESCAPE '\\'");
    }
}
