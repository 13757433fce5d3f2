//! The reference for agent files, as a JSON Schema for editors and as a page for people: made from the keys that the
//! reader requests, and from the comments of `agent-config/default.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::agent::AgentConfig;
use super::files::{self, Files};
use super::secret::Secrets;
use super::section::{Key, Kind, Reader, Source};

/// The file whose comments explain each key.
const COMMENTED: &str = include_str!("../../../agent-config/default.toml");

/// A key, its type and its meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// With dots; `*` stands for a name that the author chooses.
    pub path: String,
    /// Its type and range.
    kind: Kind,
    /// The comment above it.
    pub about: String,
}

/// All keys, in the order they are read.
pub fn entries() -> Vec<Entry> {
    let reader = Reader::default();
    let source = Source { file: "", text: "" };
    let files = Files::new(Path::new(""), &files::from_disk);
    AgentConfig::read(&reader, &[source], "", &files, &Secrets::default());
    let comments = comments(COMMENTED);
    let about = |Key { path, kind }: Key| Entry {
        about: comments.get(&path).cloned().unwrap_or_default(),
        path,
        kind,
    };
    reader.into_keys().into_iter().map(about).collect()
}

/// The comment above each key, including keys that are commented out. A table whose name the author chooses is written
/// `[tools.*]`, in a comment.
fn comments(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (mut table, mut about) = (String::new(), Vec::new());
    for line in text.lines() {
        let bare = line.trim_start_matches('#').trim();
        let key = bare.split_once(" = ").map(|(key, _)| key);
        let is_key = |key: &str| {
            key.chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c == '-')
        };
        if let Some(name) = bare
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            found.insert(name.to_owned(), about.join(" "));
            table = format!("{name}.");
            about.clear();
        } else if let Some(key) = key.filter(|key| is_key(key)) {
            found.insert(format!("{table}{key}"), about.join(" "));
            about.clear();
        } else if line.starts_with('#') {
            about.push(bare);
        } else {
            about.clear();
        }
    }
    found
}

/// A JSON Schema of an agent's file, for completion and checks in editors.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sidetone agent",
        "type": "object",
        "additionalProperties": false,
        "properties": {},
    });
    let comments = comments(COMMENTED);
    for entry in entries() {
        let mut at = &mut schema;
        let mut so_far = String::new();
        let (tables, key) = entry.path.rsplit_once('.').unwrap_or(("", &entry.path));
        for table in tables.split('.').filter(|table| !table.is_empty()) {
            so_far = if so_far.is_empty() {
                table.into()
            } else {
                format!("{so_far}.{table}")
            };
            let fresh = || {
                let about = comments.get(&so_far).cloned().unwrap_or_default();
                json!({"type": "object", "description": about, "additionalProperties": false})
            };
            at = if table == "*" {
                if !at["additionalProperties"].is_object() {
                    at["additionalProperties"] = fresh();
                }
                &mut at["additionalProperties"]
            } else {
                if at["properties"][table].is_null() {
                    at["properties"][table] = fresh();
                }
                &mut at["properties"][table]
            };
        }
        let mut value = entry.kind.schema();
        value["description"] = entry.about.into();
        at["properties"][key] = value;
    }
    schema
}

/// The reference for people, in Markdown.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Agent files\n\n\
         After this page you know every key of an agent's file. Only `prompt` is required. Keys that \
         all agents share can go into `defaults.toml` in the same folder; an agent's own file \
         overrides them. `*` in a key stands for a name of your choice: `tools.*.url` is written as \
         `url` under `[tools.book]`.\n\n\
         `sidetone schema --markdown` writes this page from the comments of \
         `agent-config/default.toml`.\n\n\
         | key | value | meaning |\n|---|---|---|\n",
    );
    for entry in entries() {
        let cell = |text: &str| text.replace('|', "\\|");
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            entry.path,
            cell(&entry.kind.text()),
            cell(&entry.about)
        );
    }
    page
}

impl Kind {
    fn schema(&self) -> Value {
        const DURATION: &str = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$";
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Choice(of) => json!({"enum": of}),
            Self::Flag => json!({"type": "boolean"}),
            Self::List => json!({"type": "array", "items": {"type": "string"}}),
            Self::Map => json!({"type": "object", "additionalProperties": {"type": "string"}}),
            Self::Number(min, max) => json!({"type": "number", "minimum": min, "maximum": max}),
            Self::Count(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
            Self::Duration(..) => json!({"type": "string", "pattern": DURATION}),
            Self::Schema | Self::Table => json!({"type": "object"}),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Choice(of) => of.join(" | "),
            Self::Flag => "true | false".into(),
            Self::List => "list of texts".into(),
            Self::Map => "texts by name".into(),
            Self::Number(min, max) => format!("{min} to {max}"),
            Self::Count(min, max) => format!("{min} to {max}, whole"),
            Self::Duration(min, max) => format!("{min:?} to {max:?}"),
            Self::Schema => "JSON Schema".into(),
            Self::Table => "a table".into(),
        }
    }
}

#[cfg(test)]
mod tests;
