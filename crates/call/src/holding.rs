//! The sound that callers hear while the agent thinks, mixed with its voice. PURE.

use std::time::{Duration, Instant};

use sidetone_base::audio::Pcm;

const FRAME: usize = Pcm::<48_000>::FRAME;
/// How long the sound takes to rise to its volume.
const RISE: Duration = Duration::from_millis(300);
/// How long it takes to fade away: short, so that it does not cover the agent's first word.
const FALL: Duration = Duration::from_millis(100);

/// Plays a sound, over and over, while a caller waits.
#[derive(Debug)]
pub struct Holding {
    sound: Pcm<48_000>,
    after: Duration,
    volume: f32,
    /// Since when the caller has waited.
    since: Option<Instant>,
    /// Where the sound goes on.
    at: usize,
    /// What its samples are multiplied with now.
    gain: f32,
}

impl Holding {
    /// Begins `after` so long a wait. `volume` is 0 to 1.
    pub fn new(sound: Pcm<48_000>, after: Duration, volume: f32) -> Self {
        Self {
            sound,
            after,
            volume,
            since: None,
            at: 0,
            gain: 0.0,
        }
    }

    /// The agent thinks, or does so no longer.
    pub fn thinks(&mut self, thinks: bool, now: Instant) {
        self.since = match (thinks, self.since) {
            (false, _) => None,
            (true, None) => Some(now),
            (true, since) => since,
        };
    }

    /// When the next frame without the agent's voice is due. `None` while nothing is to be heard.
    pub fn next(&self, now: Instant) -> Option<Instant> {
        match self.since {
            _ if self.gain > 0.0 => Some(now),
            _ if self.sound.is_empty() => None,
            since => since.map(|since| since + self.after),
        }
    }

    /// The next 10 ms: the agent's voice with what is heard of the sound under it.
    pub fn mix(&mut self, voice: Option<Pcm<48_000>>, now: Instant) -> Pcm<48_000> {
        let is_wanted =
            voice.is_none() && self.since.is_some_and(|since| now >= since + self.after);
        let mut frame = voice.unwrap_or_else(|| Pcm::new(vec![0; FRAME]));
        if self.sound.is_empty() || (!is_wanted && self.gain <= 0.0) {
            return frame;
        }
        let (goal, takes) = match is_wanted {
            true => (self.volume, RISE),
            false => (0.0, FALL),
        };
        let step = self.volume / Pcm::<48_000>::samples_in(takes) as f32;
        for sample in frame.samples_mut() {
            self.gain = match self.gain < goal {
                true => (self.gain + step).min(goal),
                false => (self.gain - step).max(goal),
            };
            let under = f32::from(self.sound.samples()[self.at]) * self.gain;
            *sample = sample.saturating_add(under as i16);
            self.at = (self.at + 1) % self.sound.len();
        }
        if self.gain <= 0.0 {
            self.at = 0;
        }
        frame
    }
}

#[cfg(test)]
mod tests;
