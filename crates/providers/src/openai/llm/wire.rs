//! What chat completions and the Responses API have in common on the wire.

use serde_json::Value;

use super::Usage;

/// Key among a call's opaque fields: the reasoning items before the call. Only the Responses API takes them back.
pub(super) const REASONING: &str = "reasoning_items";

/// Bytes of opaque data kept in one answer.
pub(super) const OPAQUE_LIMIT: usize = 512 << 10;

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
