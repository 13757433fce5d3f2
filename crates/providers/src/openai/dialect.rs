//! What a provider does not take, learned from its refusals: each process asks once with too much,
//! and from then on as the provider wants it. PURE, but for the shelf that calls share.
//!
//! Requests are JSON objects of fields (a form's, too). A refused field is sent in its other
//! spelling or left out; where the refusal names nothing, the request is tried once with the least
//! that makes sense. Each change is made at most once, so that asking ends.

mod named;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::error::Stage;
use super::refusal::Refusal;

/// Efforts that a voice agent may fall back to, the quickest first.
const EFFORTS: [&str; 3] = ["none", "minimal", "low"];
/// A field's two names: OpenAI's newer models refuse the first, older servers the second.
const MOST_TOKENS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// What is different at a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    /// By a field's path, lists' elements as `*`.
    changes: BTreeMap<String, Change>,
    /// Only what a request cannot do without is sent.
    is_bare: bool,
    /// How a conversation has to look.
    pub history: History,
    /// Answers begin as a thought whose opening tag stands in the provider's prompt.
    pub opens_in_thought: bool,
    /// An answer came without that.
    pub opens_plainly: bool,
    tried: BTreeSet<(String, Change)>,
}

/// How a conversation has to look, beyond what every server takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct History {
    /// User and assistant take turns, and the user begins.
    pub alternates: bool,
    /// There is no system message: the prompt stands in the user's first.
    pub has_no_system: bool,
    /// Calls have ids of nine letters and digits.
    pub has_short_ids: bool,
    /// Fields of other providers' making are refused.
    pub is_plain: bool,
}

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// It is left out.
    Drop,
    /// It has this name.
    Rename(&'static str),
    /// It has this value, also where nobody set it.
    Set(&'static str),
}

impl Dialect {
    /// The fields as this provider takes them; `needed` ones are never left out.
    pub(super) fn apply(&self, fields: &mut Value, needed: &[&str]) {
        if self.is_bare
            && let Some(all) = fields.as_object_mut()
        {
            // Sound in a format of the server's choice could not be played.
            let is_sound = |name: &str, value: &Value| {
                name == "response_format" && (value == "pcm" || value == "wav")
            };
            all.retain(|name, value| needed.contains(&name.as_str()) || is_sound(name, value));
        }
        for (path, change) in &self.changes {
            let path: Vec<&str> = path.split('.').collect();
            change.apply(fields, &path);
        }
    }

    /// Learns from a refusal of `fields`. Answers whether there is something to try.
    pub(super) fn learn(&mut self, refusal: &Refusal, fields: &Value, needed: &[&str]) -> bool {
        let named = named::fields(refusal, fields, needed);
        let step = named.iter().any(|path| self.change(path, refusal, fields));
        step || self.learn_history(refusal) || !std::mem::replace(&mut self.is_bare, true)
    }

    /// Only a field that is named in so many words.
    pub(super) fn learn_named(
        &mut self,
        refusal: &Refusal,
        fields: &Value,
        needed: &[&str],
    ) -> bool {
        let named = named::fields(refusal, fields, needed);
        named.iter().any(|path| self.change(path, refusal, fields))
    }

    fn change(&mut self, path: &str, refusal: &Refusal, fields: &Value) -> bool {
        if path.ends_with("tool_calls.*.id") || path.ends_with("tool_call_id") {
            return !std::mem::replace(&mut self.history.has_short_ids, true);
        }
        let refused = path;
        let (path, changes) = changes(path, refusal, fields);
        // A name that was refused is not gone back to.
        if let Some(name) = MOST_TOKENS.iter().find(|name| **name == refused) {
            self.tried.insert((path.to_owned(), Change::Rename(name)));
        }
        let fresh = changes
            .into_iter()
            .find(|change| !self.tried.contains(&(path.to_owned(), change.clone())));
        let Some(change) = fresh else {
            return false;
        };
        self.tried.insert((path.to_owned(), change.clone()));
        self.changes.insert(path.to_owned(), change);
        true
    }

    fn learn_history(&mut self, refusal: &Refusal) -> bool {
        let message = refusal.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
        let history = &mut self.history;
        let (rule, applies) = if message.contains("system")
            && says(&[
                "not support",
                "unsupported",
                "not allowed",
                "unexpected role",
            ]) {
            (&mut history.has_no_system, true)
        } else if says(&["tool call id", "tool_call_id", "tool_call id"]) {
            (&mut history.has_short_ids, true)
        } else {
            let roles = says(&["alternat", "roles must", "last message", "first message"]);
            (
                &mut history.alternates,
                roles || says(&["consecutive", "expected last role", "after role"]),
            )
        };
        applies && !std::mem::replace(rule, true)
    }
}

/// What can be done about a refused field, the best first, and the path that it goes by.
fn changes<'a>(path: &'a str, refusal: &Refusal, fields: &Value) -> (&'a str, Vec<Change>) {
    if let Some(place) = MOST_TOKENS.iter().position(|name| *name == path) {
        let other = MOST_TOKENS[1 - place];
        return (MOST_TOKENS[0], vec![Change::Rename(other), Change::Drop]);
    }
    if path == "response_format" {
        // Servers of speech without raw samples mostly have WAV.
        let instead = match fields[path].as_str() {
            Some("verbose_json") => Some("json"),
            Some("pcm") => Some("wav"),
            _ => None,
        };
        let instead = instead.map(Change::Set);
        return (path, instead.into_iter().chain([Change::Drop]).collect());
    }
    if matches!(path, "reasoning_effort" | "reasoning.effort") {
        return (path, efforts(path, refusal, fields));
    }
    if path == "messages.*.content" {
        return (path, vec![Change::Set("")]);
    }
    (path, vec![Change::Drop])
}

/// The quickest effort that the provider names; none where it knows no efforts at all.
fn efforts(path: &str, refusal: &Refusal, fields: &Value) -> Vec<Change> {
    let pointer = format!("/{}", path.replace('.', "/"));
    let Some(sent) = fields.pointer(&pointer).and_then(Value::as_str) else {
        // Asked for where nothing was sent: some models call tools only without effort.
        return vec![Change::Set(EFFORTS[0])];
    };
    let message = refusal.message.to_lowercase();
    let names = |effort: &str| named::position(&message, effort).is_some();
    let others = EFFORTS.into_iter().filter(|effort| *effort != sent);
    let offered: Vec<&str> = others.clone().filter(|effort| names(effort)).collect();
    let code = refusal.code.as_deref().unwrap_or_default();
    let is_about_value = code.contains("value") || message.contains("value");
    let next = match offered.is_empty() {
        false => offered,
        true if is_about_value || path.contains('.') => others.collect(),
        true => Vec::new(),
    };
    let set = next.into_iter().map(Change::Set);
    set.chain([Change::Drop]).collect()
}

impl Change {
    fn apply(&self, value: &mut Value, path: &[&str]) {
        let Some((name, rest)) = path.split_first() else {
            return;
        };
        if *name == "*" {
            for one in value.as_array_mut().into_iter().flatten() {
                self.apply(one, rest);
            }
            return;
        }
        let Some(fields) = value.as_object_mut() else {
            return;
        };
        if !rest.is_empty() {
            if let Some(inner) = fields.get_mut(*name) {
                self.apply(inner, rest);
                // A table of which nothing is left says nothing.
                if *self == Self::Drop && inner.as_object().is_some_and(Map::is_empty) {
                    fields.remove(*name);
                }
            }
            return;
        }
        match self {
            Self::Drop if MOST_TOKENS.contains(name) => {
                MOST_TOKENS
                    .iter()
                    .for_each(|name| drop(fields.remove(*name)));
            }
            Self::Drop => drop(fields.remove(*name)),
            Self::Rename(to) => {
                let found = MOST_TOKENS.iter().find_map(|name| fields.remove(*name));
                fields.extend(found.map(|value| ((*to).to_owned(), value)));
            }
            // A message's content has its own words.
            Self::Set("") => {
                if fields.get(*name).is_none_or(Value::is_null) {
                    fields.insert((*name).to_owned(), "".into());
                }
            }
            Self::Set(to) => drop(fields.insert((*name).to_owned(), (*to).into())),
        }
    }
}

/// What the process knows of its providers, by stage, address and model.
#[derive(Debug, Clone, Default)]
pub(super) struct Dialects(Arc<Mutex<HashMap<Key, Dialect>>>);

/// A stage, where its provider is, and the model.
pub(super) type Key = (Stage, String, String);

impl Dialects {
    /// What is known.
    pub(super) fn of(&self, key: &Key) -> Dialect {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).cloned().unwrap_or_default()
    }

    /// Puts in what helped. What another call learned meanwhile stays.
    pub(super) fn learned(&self, key: &Key, learn: impl FnOnce(&mut Dialect)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        learn(all.entry(key.clone()).or_default());
    }
}

impl Dialect {
    /// Takes over what helped another request.
    pub(super) fn adopt(&mut self, other: &Self) {
        self.changes.extend(other.changes.clone());
        self.tried.extend(other.tried.clone());
        self.is_bare |= other.is_bare;
        let (mine, theirs) = (&mut self.history, other.history);
        mine.alternates |= theirs.alternates;
        mine.has_no_system |= theirs.has_no_system;
        mine.has_short_ids |= theirs.has_short_ids;
        mine.is_plain |= theirs.is_plain;
    }

    /// How a conversation has to look.
    pub(super) fn history(&self) -> History {
        History {
            alternates: self.history.alternates || self.is_bare,
            is_plain: self.history.is_plain || self.is_bare,
            ..self.history
        }
    }
}

#[cfg(test)]
mod tests;
