//! What a provider does not accept, learned from its refusals: each process asks once with too much, and from then on
//! in the provider's way. PURE, except for the table that calls share.
//!
//! Requests (forms, too) are JSON objects of fields. A refused field is sent under its other name or left out; if the
//! refusal names no field, the request is tried once with the bare minimum. Each change is made at most once, so the
//! attempts end.

mod named;
mod schema;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::error::Stage;
use super::refusal::Refusal;

/// Efforts that a voice agent may fall back to, fastest first.
const EFFORTS: [&str; 3] = ["none", "minimal", "low"];
/// The two names of one field: OpenAI's newer models refuse the first, older servers the second.
const MOST_TOKENS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// What refusals say of a field that they demand.
const MISSING: [&str; 3] = ["missing", "passed back", "is required"];
/// What refusals of a tool's schema mention.
const SCHEMAS: [&str; 5] = [
    "schema",
    "function_declarations",
    "additionalproperties",
    "parameters'",
    "function parameters",
];

/// Bare requests until a whole one is tried again, at first and at most.
const BARE_PATIENCE: u32 = 8;
const MOST_PATIENCE: u32 = 1_024;

/// How a provider departs from the protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Keyed by the field's path, with `*` for list elements.
    changes: BTreeMap<String, Change>,
    /// Only the fields that a request cannot do without are sent.
    is_bare: bool,
    /// Such requests since a whole one was tried, and after how many the next whole one is: nothing was named, so that
    /// the refusal may have passed by itself.
    bare_requests: u32,
    bare_patience: u32,
    /// Tools' schemas have only the words that every server knows.
    has_simple_schemas: bool,
    /// What the conversation must look like.
    pub history: History,
    /// The server says when an answer is complete.
    pub marks_end: bool,
    /// How answers begin; not known before the first.
    opening: Option<Beginning>,
    /// At a provider whose answers begin plainly: the last one did not.
    is_doubtful: bool,
    tried: BTreeSet<(String, Change)>,
}

/// How an answer's text may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// With speech, or with a thought and its tag.
    Plain,
    /// Not known for this provider.
    Unknown,
    /// In the middle of a thought.
    Thought,
}

/// How an answer's text has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With what is for the caller, or with a thought and its tag.
    Plain,
    /// In the middle of a thought.
    InThought,
}

/// What a conversation must look like, beyond what every server accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct History {
    /// User and assistant alternate, and the user begins.
    pub alternates: bool,
    /// System messages are not accepted: the prompt goes into the first user message.
    pub has_no_system: bool,
    /// Ids of calls have nine letters and digits.
    pub has_short_ids: bool,
    /// Extension fields of other providers are refused.
    pub is_plain: bool,
    /// Each call needs a signature of Google's, also one that another provider's model has made.
    pub needs_signatures: bool,
    /// The same of the thoughts that led to a call.
    pub needs_thoughts: bool,
}

/// What happens to a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// Leave it out.
    Drop,
    /// Send it under this name.
    Rename(&'static str),
    /// Send this value, even if the field was not set.
    Set(&'static str),
}

impl Dialect {
    /// Applies the dialect to `fields`; `needed` ones are never left out.
    pub(super) fn apply(&self, fields: &mut Value, needed: &[&str]) {
        if self.is_bare
            && let Some(all) = fields.as_object_mut()
        {
            // Audio in a format of the server's choice could not be played.
            let is_sound = |name: &str, value: &Value| {
                name == "response_format" && (value == "pcm" || value == "wav")
            };
            all.retain(|name, value| needed.contains(&name.as_str()) || is_sound(name, value));
        }
        if self.is_bare || self.has_simple_schemas {
            schema::simplify(fields);
        }
        for (path, change) in &self.changes {
            let path: Vec<&str> = path.split('.').collect();
            change.apply(fields, &path);
        }
    }

    /// Learns from a refusal of `fields`. Returns whether there is something left to try.
    pub(super) fn learn(&mut self, refusal: &Refusal, fields: &Value, needed: &[&str]) -> bool {
        if self.learn_thoughts(refusal) {
            return true;
        }
        let named = named::fields(refusal, fields, needed);
        let step = named.iter().any(|path| self.change(path, refusal, fields));
        step || self.learn_schemas(refusal, fields)
            || self.learn_history(refusal)
            || !std::mem::replace(&mut self.is_bare, true)
    }

    /// Like [`Dialect::learn`], but only for a field that the refusal names explicitly.
    pub(super) fn learn_named(
        &mut self,
        refusal: &Refusal,
        fields: &Value,
        needed: &[&str],
    ) -> bool {
        let named = named::fields(refusal, fields, needed);
        named.iter().any(|path| self.change(path, refusal, fields))
    }

    /// How the next answer's text is to be read. Answers that begin inside a thought have its opening tag in the
    /// provider's prompt.
    pub(super) fn opening(&self) -> Opening {
        match self.opening {
            None => Opening::Unknown,
            Some(Beginning::Plain) => Opening::Plain,
            Some(Beginning::InThought) => Opening::Thought,
        }
    }

    /// Learns how an answer's text has begun. The end of a thought is believed at once of a provider that is not known,
    /// and at the second in a row of one whose answers have begun plainly: some models write a lone end tag, and an
    /// answer that may be a thought is held to its end.
    pub(super) fn began(&mut self, beginning: Beginning) {
        match (self.opening, beginning) {
            (Some(Beginning::Plain), Beginning::InThought) if !self.is_doubtful => {
                self.is_doubtful = true;
            }
            _ => (self.opening, self.is_doubtful) = (Some(beginning), false),
        }
    }

    fn change(&mut self, path: &str, refusal: &Refusal, fields: &Value) -> bool {
        if path.ends_with("tool_calls.*.id") || path.ends_with("tool_call_id") {
            return !std::mem::replace(&mut self.history.has_short_ids, true);
        }
        let refused = path;
        let (path, changes) = changes(path, refusal, fields);
        // Do not go back to a name that was refused.
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

    /// Thoughts that are missing in some messages are no reason to leave out the others.
    fn learn_thoughts(&mut self, refusal: &Refusal) -> bool {
        let message = refusal.message.to_lowercase();
        let is_missing = MISSING.iter().any(|words| message.contains(words));
        let applies = is_missing && message.contains("reasoning_content");
        applies && !std::mem::replace(&mut self.history.needs_thoughts, true)
    }

    fn learn_schemas(&mut self, refusal: &Refusal, fields: &Value) -> bool {
        let message = refusal.message.to_lowercase();
        let is_said = SCHEMAS.iter().any(|words| message.contains(words));
        let is_pointed_to = |path: &String| path.contains("parameters");
        if !is_said && !refusal.paths.iter().any(is_pointed_to) {
            return false;
        }
        let mut simple = fields.clone();
        schema::simplify(&mut simple);
        simple != *fields && !std::mem::replace(&mut self.has_simple_schemas, true)
    }

    fn learn_history(&mut self, refusal: &Refusal) -> bool {
        let message = refusal.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
        let history = &mut self.history;
        let (rule, applies) = if says(&["thought_signature", "thought signature"]) {
            (&mut history.needs_signatures, true)
        } else if message.contains("system")
            && says(&[
                "not support",
                "unsupported",
                "not allowed",
                "unexpected role",
            ])
        {
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

/// The possible changes to a refused field, best first, and the path that they apply to.
fn changes<'a>(path: &'a str, refusal: &Refusal, fields: &Value) -> (&'a str, Vec<Change>) {
    if let Some(place) = MOST_TOKENS.iter().position(|name| *name == path) {
        let other = MOST_TOKENS[1 - place];
        return (MOST_TOKENS[0], vec![Change::Rename(other), Change::Drop]);
    }
    if path == "response_format" {
        // Speech servers without raw samples mostly offer WAV.
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

/// The fastest effort that the provider names; none if it does not know efforts at all.
fn efforts(path: &str, refusal: &Refusal, fields: &Value) -> Vec<Change> {
    let pointer = format!("/{}", path.replace('.', "/"));
    let Some(sent) = fields.pointer(&pointer).and_then(Value::as_str) else {
        // The provider asks for a field that was not sent: some models call tools only without effort.
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
                // Send no empty object.
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
            // Never replace existing content.
            Self::Set("") => {
                if fields.get(*name).is_none_or(Value::is_null) {
                    fields.insert((*name).to_owned(), "".into());
                }
            }
            Self::Set(to) => drop(fields.insert((*name).to_owned(), (*to).into())),
        }
    }
}

/// What the process knows about its providers, by stage, address and model.
#[derive(Debug, Clone, Default)]
pub(super) struct Dialects(Arc<Mutex<HashMap<Key, Dialect>>>);

/// Stage, provider address and model.
pub(super) type Key = (Stage, String, String);

impl Dialects {
    pub(super) fn of(&self, key: &Key) -> Dialect {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).cloned().unwrap_or_default()
    }

    /// Adds what helped, keeping what other calls have learned in the meantime.
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
        self.has_simple_schemas |= other.has_simple_schemas;
        let (mine, theirs) = (&mut self.history, other.history);
        mine.alternates |= theirs.alternates;
        mine.has_no_system |= theirs.has_no_system;
        mine.has_short_ids |= theirs.has_short_ids;
        mine.is_plain |= theirs.is_plain;
        mine.needs_signatures |= theirs.needs_signatures;
        mine.needs_thoughts |= theirs.needs_thoughts;
    }

    /// Whether only the fields are sent that a request cannot do without.
    pub(super) fn is_bare(&self) -> bool {
        self.is_bare
    }

    /// Counts a request that is about to be made. Answers whether it should be tried whole again, though whole ones
    /// were refused: after eight bare ones, then after ever more.
    pub(super) fn is_to_try_whole(&mut self) -> bool {
        if !self.is_bare {
            return false;
        }
        self.bare_requests += 1;
        let is_due = self.bare_requests > self.bare_patience.max(BARE_PATIENCE);
        if is_due {
            self.bare_patience = (self.bare_patience.max(BARE_PATIENCE) * 2).min(MOST_PATIENCE);
            self.bare_requests = 0;
        }
        is_due
    }

    /// A request, with all that only a bare one leaves out, is to be made.
    pub(super) fn whole(self) -> Self {
        Self {
            is_bare: false,
            ..self
        }
    }

    /// A whole request was accepted.
    pub(super) fn is_whole_again(&mut self) {
        (self.is_bare, self.bare_requests, self.bare_patience) = (false, 0, 0);
    }

    /// What the conversation must look like.
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
