//! What travels with a dispatch: written by whoever asks for an agent, read by the agent that comes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
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
    /// Which asking this is: an agent of an earlier one is not to speak any more. Added to what is
    /// stored of the call when LiveKit is asked; none from a control plane that knows no epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Another agent was in the room before: its caller is most likely greeted. Added as the epoch is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub takes_over: bool,
}
