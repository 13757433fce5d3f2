//! What chat completions and the Responses API have in common on the wire.

use serde_json::{Value, json};

use super::Usage;

/// Key among a call's opaque fields: the reasoning items before the call. Only the Responses API takes them back.
pub(super) const REASONING: &str = "reasoning_items";

/// Bytes of opaque data kept in one answer.
pub(super) const OPAQUE_LIMIT: usize = 512 << 10;

/// How far an answer's end is certain, of which the connection need not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It goes on.
    Open,
    /// The last words came with a reason for the end: some servers give a reason with all of them.
    Likely,
    /// A reason came by itself. Usage may follow.
    Certain,
    /// More came after a reason: this server's reasons say nothing.
    Unknowable,
}

impl Ending {
    /// More of the answer came.
    pub(super) fn continued(self) -> Self {
        match self {
            Self::Open => Self::Open,
            Self::Likely | Self::Certain | Self::Unknowable => Self::Unknowable,
        }
    }

    /// A reason came, and with it more of the answer or not.
    pub(super) fn reasoned(self, brings_more: bool) -> Self {
        match self {
            Self::Unknowable => Self::Unknowable,
            _ if brings_more => Self::Likely,
            _ => Self::Certain,
        }
    }
}

/// The schema of a tool's arguments. Servers of tools leave out what OpenAI's refuses a schema without.
pub(super) fn parameters(schema: &Value) -> Value {
    let mut fields = schema.as_object().cloned().unwrap_or_default();
    let is_made_of_others = ["$ref", "allOf", "anyOf", "oneOf"];
    let is_made_of_others = is_made_of_others
        .iter()
        .any(|key| fields.contains_key(*key));
    fields.entry("type").or_insert_with(|| "object".into());
    if !is_made_of_others {
        fields.entry("properties").or_insert_with(|| json!({}));
    }
    fields.into()
}

/// Token usage as either API reports it.
pub(super) fn usage_of(usage: &Value) -> Option<Usage> {
    usage.as_object()?;
    let number = |pointers: &[&str]| {
        let found = pointers.iter().find_map(|at| usage.pointer(at)?.as_u64());
        u32::try_from(found.unwrap_or(0)).unwrap_or(u32::MAX)
    };
    let usage = Usage {
        prompt_tokens: number(&["/prompt_tokens", "/input_tokens"]),
        cached_tokens: number(&[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
            "/cached_tokens",
        ]),
        completion_tokens: number(&["/completion_tokens", "/output_tokens"]),
    };
    (usage != Usage::default()).then_some(usage)
}
