//! `[variants.*]`: variants of an agent that get a share of its calls.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::section::Section;
use super::voice::Voice;

/// What replaces the agent's own settings in a share of its calls.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variant {
    /// Its name in the file.
    pub name: String,
    /// The share of the calls, in percent.
    pub weight: usize,
    /// The prompt, and the file it was read from.
    pub prompt: Option<(String, String)>,
    /// The greeting.
    pub greeting: Option<String>,
    /// The voice.
    pub voice: Option<Voice>,
    /// The language model of the first provider.
    pub llm: Option<String>,
}

/// Reports variants whose shares add up to more than all calls.
pub fn check(variants: &[Variant], top: &Section<'_>) {
    let sum: usize = variants.iter().map(|variant| variant.weight).sum();
    if sum > 100 {
        top.complain_here(format!(
            "the weights of [variants] add up to {sum}; they are percentages of the calls, at \
             most 100 together (the agent without changes gets the rest)"
        ));
    }
}

/// The variant that holds a call. `None` for the agent itself. Always the same for a call, even in another process, so
/// that an agent that replaces a dead one is the same.
pub fn choose(variants: &[Variant], call_id: Uuid) -> Option<&Variant> {
    let digest = Sha256::digest(call_id.as_bytes());
    // 256 is not a multiple of 100; 2^64 is not either, but the bias is negligible.
    let number = digest[..8]
        .iter()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut place = (number % 100) as usize;
    variants.iter().find(|variant| {
        let is_here = place < variant.weight;
        place = place.saturating_sub(variant.weight);
        is_here
    })
}

#[cfg(test)]
mod tests;
