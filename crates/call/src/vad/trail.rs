//! Finds where a voice really ended. The judge has a memory: it takes the first moments after a word for voice, 30 to
//! 80 ms in recordings without noise, while the level drops at once.

/// A frame this far below the loudest of its speech is not voice, whatever the judge says. The
/// weakest consonant of English ("th" of "thin") has about 28 dB less power than the strongest
/// vowel (Fletcher, Speech and Hearing in Communication, 1953).
const FALL_DB: f32 = 35.0;
/// The reference level decays at this rate, so that a shout or a knock at the start is forgotten.
const FORGET_DB_A_SAMPLE: f32 = 3.0 / 16_000.0;

/// The loudness of the current speech.
#[derive(Debug)]
pub(super) struct Trail {
    loudest: f32,
}

impl Trail {
    pub(super) fn new() -> Self {
        Self {
            loudest: f32::NEG_INFINITY,
        }
    }

    /// Whether a frame of `samples` at `dbfs` is too quiet to belong to the speech. `None` means digital silence.
    pub(super) fn is_over(&mut self, samples: usize, dbfs: Option<f32>) -> bool {
        let level = dbfs.unwrap_or(f32::NEG_INFINITY);
        let faded = self.loudest - FORGET_DB_A_SAMPLE * samples as f32;
        self.loudest = faded.max(level);
        level < self.loudest - FALL_DB
    }

    /// What follows is new speech.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests;
