//! PURE. Which traces are recorded: `OTEL_TRACES_SAMPLER`.

use super::TraceId;

/// Bits of a trace's id that are random also in a call's id, which is a UUID.
const RANDOM: u32 = 56;

/// Which traces are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Of those that nobody has decided on, this share: 0 to 1.
    pub share: f64,
    /// Who asked by a recorded trace is recorded, and who asked by another is not.
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
    /// Whether a trace is recorded, which was asked for by one that is (or not). All processes decide alike.
    pub fn samples(self, trace: TraceId, parent: Option<bool>) -> bool {
        if let Some(sampled) = parent.filter(|_| self.follows_parent) {
            return sampled;
        }
        let all = 1_u64 << RANDOM;
        let place = (trace.0 & u128::from(all - 1)) as u64;
        (place as f64) < self.share * all as f64
    }
}
