//! `[variants.*]`: other versions of an agent that get a share of its calls.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::section::Section;
use super::voice::Voice;

/// What a share of an agent's calls has in the place of the agent's own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variant {
    /// Its name in the file.
    pub name: String,
    /// Share of the calls, percent.
    pub weight: usize,
    /// Another prompt, and the file it was read from.
    pub prompt: Option<(String, String)>,
    /// Another greeting.
    pub greeting: Option<String>,
    /// Another voice.
    pub voice: Option<Voice>,
    /// Another language model, on the first provider.
    pub llm: Option<String>,
}

/// Complains when variants take more than all calls.
pub fn check(variants: &[Variant], top: &Section<'_>) {
    let sum: usize = variants.iter().map(|variant| variant.weight).sum();
    if sum > 100 {
        top.complain_here(format!(
            "the weights of [variants] add up to {sum}; they are percent of the calls, 100 at most \
             (the agent as it stands gets the rest)"
        ));
    }
}

/// The variant that holds a call; none: the agent as it stands. Always the same for a call, also in
/// another process, so that an agent that replaces a dead one is like it.
pub fn choose(variants: &[Variant], call_id: Uuid) -> Option<&Variant> {
    let digest = Sha256::digest(call_id.as_bytes());
    // 256 is no multiple of 100, 2^64 is as good as one.
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
