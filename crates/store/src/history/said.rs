//! Calls by what a backend says of them: fields of their metadata.

use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{Database, Postgres, QueryBuilder, Sqlite};

/// A field of a call's metadata is this: the text as it stands, or the number or truth value that it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataIs {
    /// The field, of the object itself.
    pub name: String,
    /// As it stands in a request: `42` is the number 42, and the text "42".
    pub value: String,
}

impl MetadataIs {
    /// The number or truth value that the text writes, if any.
    fn plain(&self) -> Option<Value> {
        let value = serde_json::from_str(&self.value).ok()?;
        matches!(value, Value::Number(_) | Value::Bool(_)).then_some(value)
    }
}

/// Each database's own words for it: they have no operator on JSON in common that takes any name.
pub(in super::super) trait Says: Database {
    /// Pushes the condition.
    fn push(query: &mut QueryBuilder<Self>, said: &MetadataIs);
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
}

impl Says for Postgres {
    fn push(query: &mut QueryBuilder<Self>, said: &MetadataIs) {
        let field = |value: Value| Json(Map::from_iter([(said.name.clone(), value)]));
        // The index `voice_calls_metadata` is over those that have any.
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
}
