//! What travels with a dispatch: written by whoever asks for an agent, read by the agent that comes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidetone_config::recording::RecordingMode;
use uuid::Uuid;

/// The participant attribute with the epoch that an agent has come for.
pub const EPOCH_ATTRIBUTE: &str = "sidetone.epoch";
/// The RPC method by which the server asks an agent whether it lives; its answer is its epoch.
pub const ALIVE_METHOD: &str = "sidetone.alive";

/// What a dispatch tells the agent: the JSON of a job's metadata. Unknown fields are passed over,
/// so that an older worker serves a newer control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DispatchMetadata {
    /// Row of the call in the store.
    pub call_id: Option<Uuid>,
    /// Agent file to use; none: the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Voice instead of the agent file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// System prompt instead of the agent file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// How the call is recorded, instead of what the agent file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingMode>,
    /// Values for the prompt's `{{variables}}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Which of them an end user set, and no backend: each agent takes those that its file lists.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub set_by_user: BTreeSet<String>,
    /// Which asking this is: an agent of an earlier one is not to speak any more. Added to what is
    /// stored of the call when LiveKit is asked; none from a control plane that knows no epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Another agent was in the room before: its caller is most likely greeted. Added as the epoch is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub takes_over: bool,
    /// The span of a backend that asked for the call, as its `traceparent` said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The agent calls a telephone, which is in the room while it rings, for so many seconds at most; none:
    /// somebody has called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rings: Option<u32>,
    /// What a dispatch said that is not Sidetone's own, such as a SIP rule's: the JSON it is, or its text.
    /// Prompts know it as `{{ dispatch }}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatch: Option<Value>,
}

impl DispatchMetadata {
    /// Reads the metadata of a job, whoever wrote them. Sidetone's own name a call; all others are kept as
    /// they are in `dispatch`, and from an object that has keys of ours (`agent`, `voice`, `system_prompt`,
    /// `variables`, `recording`, `traceparent`) those are taken, too, where their values can be used.
    pub fn read(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::default();
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Self::of_others(Value::String(text.to_owned()));
        };
        if value.get("call_id").is_some() || value.get("epoch").is_some() {
            match serde_json::from_value(value.clone()) {
                Ok(own) => return own,
                Err(error) => {
                    tracing::warn!(%error, "a dispatch's metadata are not Sidetone's own")
                }
            }
        }
        Self::of_others(value)
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
