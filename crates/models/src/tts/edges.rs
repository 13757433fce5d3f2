//! Trims the silence at both ends of a clause to a fixed length, because the pauses are added separately.

/// Samples below this are silence.
const SILENCE: f32 = 0.008;
/// Silence kept before and after the speech, in seconds.
const KEPT: (f32, f32) = (0.01, 0.04);

/// A stream of audio between its edges.
pub(super) struct Edges {
    lead: usize,
    tail: usize,
    begun: bool,
    /// Silence that belongs to the speech if more follows.
    held: Vec<f32>,
}

impl Edges {
    /// `rate` is in samples per second.
    pub(super) fn new(rate: f32) -> Self {
        Self {
            lead: (KEPT.0 * rate) as usize,
            tail: (KEPT.1 * rate) as usize,
            begun: false,
            held: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        let mut out = std::mem::take(&mut self.held);
        out.extend(samples);
        let loud = |sample: &f32| sample.abs() > SILENCE;
        let speech = out.iter().rposition(loud).map_or(0, |last| last + 1);
        self.held = out.split_off(speech);
        if !self.begun {
            self.begun = speech > 0;
            let quiet = out.iter().position(loud).unwrap_or(0);
            out.drain(..quiet.saturating_sub(self.lead));
            if !self.begun {
                let old = self.held.len().saturating_sub(self.lead);
                self.held.drain(..old);
            }
        }
        out
    }

    pub(super) fn finish(&mut self) -> Vec<f32> {
        let mut rest = std::mem::take(&mut self.held);
        rest.truncate(if self.begun { self.tail } else { 0 });
        rest
    }
}

#[cfg(test)]
mod tests;
