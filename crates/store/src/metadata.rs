//! The metadata of a dispatch: written by whoever dispatches an agent, read by that agent.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidetone_config::recording::RecordingMode;
use uuid::Uuid;

use super::storable;

/// The participant attribute that holds the epoch of an agent's dispatch.
pub const EPOCH_ATTRIBUTE: &str = "sidetone.epoch";
/// The RPC method by which the server asks whether an agent is alive; the answer is its epoch.
pub const ALIVE_METHOD: &str = "sidetone.alive";

/// What a dispatch tells the agent: the JSON of a job's metadata. Unknown fields are ignored, so that an older worker
/// serves a newer control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DispatchMetadata {
    /// The call's row in the store.
    pub call_id: Option<Uuid>,
    /// The agent file to use. `None` for the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The version of the edition whose files are used: the same for every agent of a call. Added when LiveKit is
    /// asked for the agent. `None` for the current edition, or for the worker's own files where the pool shares none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// Overrides the agent file's voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Overrides the agent file's system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Overrides the agent file's recording mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingMode>,
    /// Values for the prompt's `{{variables}}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Which of them an end user set rather than a backend: each agent takes only those that its file lists.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub set_by_user: BTreeSet<String>,
    /// The number of this dispatch: an agent of an earlier one must not speak any more. Added to the stored metadata
    /// when LiveKit is asked for the agent. `None` from a control plane without epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Another agent was in the room before, so the caller has most likely been greeted. Added together with the
    /// epoch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub takes_over: bool,
    /// That agent is still there, and leaves the call when this one hears the caller. Added together with the epoch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub handed_over: bool,
    /// The span of the backend that requested the call, from its `traceparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Set if the agent dials a telephone, which is in the room while it rings: for how many seconds at most. `None`
    /// if somebody has called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rings: Option<u32>,
    /// The content of a dispatch that is not Sidetone's own, such as a SIP rule's: its JSON value, or its text.
    /// Prompts see it as `{{ dispatch }}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatch: Option<Value>,
}

impl DispatchMetadata {
    /// Reads a job's metadata, whoever wrote it. Sidetone's own names a call. Any other is kept unchanged in
    /// `dispatch`; from an object that has keys of ours (`agent`, `voice`, `system_prompt`, `variables`, `recording`,
    /// `traceparent`), usable values of those are taken as well. U+0000, which no database stores, is left out.
    pub fn read(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::default();
        }
        let Ok(value) = serde_json::from_str(text).map(storable::json) else {
            return Self::read_others(text);
        };
        match serde_json::from_value::<Self>(value.clone()) {
            Ok(own) if own.call_id.is_some() => own,
            _ => Self::of_others(value),
        }
    }

    /// The same, of metadata that somebody else wrote, though they name a call as Sidetone's own do.
    #[must_use]
    pub fn read_others(text: &str) -> Self {
        let value = serde_json::from_str(text);
        let value = value.unwrap_or_else(|_| Value::String(text.to_owned()));
        Self::of_others(storable::json(value))
    }

    fn of_others(value: Value) -> Self {
        let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
        let variables = value.get("variables").and_then(Value::as_object);
        let plain = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        Self {
            agent: text("agent"),
            voice: text("voice"),
            system_prompt: text("system_prompt"),
            recording: text("recording").and_then(|mode| mode.parse().ok()),
            variables: variables
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.clone(), plain(value)?)))
                .collect(),
            traceparent: text("traceparent"),
            dispatch: Some(value),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;
