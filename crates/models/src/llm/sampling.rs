//! Chooses the next token, and detects the end of an answer.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How tokens are chosen. The names are OpenAI's.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// 0 takes the likeliest token; higher values are more random, up to 2.
    pub temperature: f32,
    /// Only the likeliest tokens that together have this probability are considered.
    pub top_p: f32,
    /// -2 to 2: subtracted from a token's logit for each time it appeared.
    pub frequency_penalty: f32,
    /// -2 to 2: subtracted from a token's logit if it appeared at all.
    pub presence_penalty: f32,
    /// The same seed and conversation give the same answer, except where rounding decides between two tokens.
    pub seed: Option<u64>,
}

/// Qwen2.5's own recommendation (its `generation_config.json`).
impl Default for Sampling {
    fn default() -> Self {
        Self {
            // Not the protocol's default of 1: a model this small makes up less when it takes the likeliest tokens.
            temperature: 0.0,
            top_p: 0.8,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            seed: None,
        }
    }
}

/// Only this many of the likeliest tokens are ever considered (Qwen2.5's `top_k`).
const TOP_K: usize = 20;
/// Makes repeated tokens less likely by this factor (Qwen2.5's `repetition_penalty`): small models repeat themselves
/// without it.
const REPETITION_PENALTY: f32 = 1.1;

pub(super) struct Sampler {
    settings: Sampling,
    seed: u64,
    /// Tokens chosen so far.
    steps: u64,
    said: HashMap<u32, u32>,
}

impl Sampler {
    pub(super) fn new(settings: Sampling) -> Self {
        let seed = settings.seed.unwrap_or_else(rand::random);
        Self {
            settings,
            seed,
            steps: 0,
            said: HashMap::new(),
        }
    }

    /// Chooses among the tokens that are `allowed`; `None` if no token is. Repetition penalties apply only where the
    /// text is `free`.
    pub(super) fn choose(
        &mut self,
        mut logits: Vec<f32>,
        free: bool,
        allowed: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let Sampling {
            temperature,
            top_p,
            frequency_penalty,
            presence_penalty,
            ..
        } = self.settings;
        for (&token, &count) in self.said.iter().filter(|_| free) {
            let Some(logit) = logits.get_mut(token as usize) else {
                continue;
            };
            *logit = if *logit > 0.0 {
                *logit / REPETITION_PENALTY
            } else {
                *logit * REPETITION_PENALTY
            };
            *logit -= frequency_penalty * count as f32 + presence_penalty;
        }
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(TOP_K + 1);
        for (token, logit) in logits.into_iter().enumerate() {
            let token = token as u32;
            if best.len() == TOP_K && best.last().is_some_and(|(_, least)| logit <= *least) {
                continue;
            }
            // checked last because it takes the longest
            if !allowed(token) {
                continue;
            }
            let at = best.partition_point(|(_, better)| *better >= logit);
            best.insert(at, (token, logit));
            best.truncate(TOP_K);
        }
        let token = self.draw(&best, temperature, top_p)?;
        if free {
            *self.said.entry(token).or_default() += 1;
        }
        Some(token)
    }

    /// Draws from candidates that are sorted, the likeliest first.
    ///
    /// It uses the Gumbel-max trick: the highest logit wins after each got its own noise, which depends only on the
    /// seed, the step and the token. So a logit that is rounded differently changes only its own chance.
    fn draw(&mut self, best: &[(u32, f32)], temperature: f32, top_p: f32) -> Option<u32> {
        self.steps += 1;
        let &(likeliest, max) = best.first()?;
        if temperature <= 0.01 {
            return Some(likeliest);
        }
        let weights: Vec<f32> = best
            .iter()
            .map(|(_, l)| ((l - max) / temperature).exp())
            .collect();
        let total: f32 = weights.iter().sum();
        let mut kept = 0.0;
        let nucleus = weights.iter().position(|weight| {
            kept += weight / total;
            kept >= top_p
        });
        let count = nucleus.map_or(best.len(), |last| last + 1);
        let noisy = best[..count].iter().map(|(token, logit)| {
            let key = (self.steps << 32) | u64::from(*token);
            let uniform: f32 = StdRng::seed_from_u64(self.seed ^ key).random();
            (
                *token,
                logit / temperature - (-uniform.max(f32::MIN_POSITIVE).ln()).ln(),
            )
        });
        let chosen = noisy.max_by(|a, b| a.1.total_cmp(&b.1));
        Some(chosen.map_or(likeliest, |(token, _)| token))
    }
}

/// Cuts text at the first of several stop strings, however they are spread over the pieces it arrives in.
pub(super) struct Stops {
    stops: Vec<String>,
    held: String,
}

impl Stops {
    pub(super) fn new(stops: Vec<String>) -> Self {
        Self {
            stops,
            held: String::new(),
        }
    }

    /// Adds text; returns what is certain to be part of the answer, and whether a stop string was found.
    pub(super) fn push(&mut self, text: &str) -> (String, bool) {
        self.held.push_str(text);
        let first = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop))
            .min();
        if let Some(at) = first {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        // the end may be the beginning of a stop string
        let starts_stop = |at: &usize| {
            self.stops
                .iter()
                .any(|stop| stop.starts_with(&self.held[*at..]))
        };
        let sure = self.held.char_indices().map(|(at, _)| at).find(starts_stop);
        let rest = self.held.split_off(sure.unwrap_or(self.held.len()));
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// The text held back, at the end of the answer.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests;
