//! PURE. Which traces are recorded: `OTEL_TRACES_SAMPLER`.

use super::TraceId;

/// How many bits of a trace's id are random, even if it is a call's id, which is a UUID.
const RANDOM: u32 = 56;

/// Which traces are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// The share of undecided traces to record, 0 to 1.
    pub share: f64,
    /// Whether to follow the parent's decision: a request from a recorded trace is recorded, one from an unrecorded
    /// trace is not.
    pub follows_parent: bool,
}

impl Default for Sampler {
    fn default() -> Self {
        Self {
            share: 1.0,
            follows_parent: true,
        }
    }
}

impl Sampler {
    /// Whether to record a trace, given the decision of the trace that requested it. All processes decide alike.
    pub fn samples(self, trace: TraceId, parent: Option<bool>) -> bool {
        if let Some(sampled) = parent.filter(|_| self.follows_parent) {
            return sampled;
        }
        let all = 1_u64 << RANDOM;
        let place = (trace.0 & u128::from(all - 1)) as u64;
        (place as f64) < self.share * all as f64
    }
}
