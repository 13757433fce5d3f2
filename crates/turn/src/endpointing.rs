//! How long to wait in the caller's silence before the turn is over.

use std::time::Duration;

use super::ending::Ending;

/// The wait, counted from the last voiced sample, so that VAD and STT work inside it and not
/// before it.
///
/// What the words end with and the caller's own pauses lengthen it; an end-of-turn model
/// lengthens it further or takes it back to the shortest. Nothing makes it longer than
/// `max_delay`.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpointing {
    /// Wait when the caller seems to have finished. 500 ms: livekit-agents `min_delay`.
    pub min_delay: Duration,
    /// The longest wait: the caller seems to be in mid-thought. 3 s: livekit-agents `max_delay`.
    pub max_delay: Duration,
    /// End-of-turn probability from which the caller seems to have finished, 0 to 1. 0 asks no
    /// model.
    pub threshold: f32,
    /// Wait after dictated digits and spelled letters: they come in groups. 1.2 s: our choice,
    /// above the pause that people make between groups of a telephone number.
    pub digits_delay: Duration,
    /// Wait after words that go on. 1.5 s: Vapi's `onNoPunctuationSeconds`.
    pub unfinished_delay: Duration,
    /// Words after which a sentence goes on.
    pub open_words: Vec<String>,
    /// Wait longer for callers who make longer pauses.
    pub dynamic: bool,
}

impl Default for Endpointing {
    fn default() -> Self {
        // Those that a sentence may well end with ("so", "is", "on") are left out.
        const OPEN_WORDS: &str = "and but or because if the a an my your our their of with from to \
                                  for um uh uhm er erm plus than i'm i'd i'll i've we're";
        Self {
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(3),
            threshold: 0.5,
            digits_delay: Duration::from_millis(1200),
            unfinished_delay: Duration::from_millis(1500),
            open_words: OPEN_WORDS.split_whitespace().map(str::to_owned).collect(),
            dynamic: true,
        }
    }
}

impl Endpointing {
    /// The wait after `text`, for a caller with these pauses and an end of turn of this
    /// probability.
    pub(super) fn delay(&self, text: &str, pauses: &Pauses, probability: Option<f32>) -> Duration {
        let ending = Ending::of(text, &self.open_words);
        let words = match ending {
            Ending::Whole => self.min_delay,
            Ending::Digits => self.digits_delay,
            Ending::Unfinished => self.unfinished_delay,
        };
        let usual = if self.dynamic {
            pauses.wait()
        } else {
            Duration::ZERO
        };
        let delay = match probability {
            // Between groups of digits the voice falls as at an end.
            Some(p) if p >= self.threshold && ending == Ending::Digits => words,
            Some(p) if p >= self.threshold => self.min_delay,
            Some(p) => {
                // Squared: a model in doubt costs little, one that is sure gets its way.
                let doubt = (1.0 - p / self.threshold).powi(2);
                let range = self.max_delay.saturating_sub(self.min_delay);
                (self.min_delay + range.mul_f32(doubt))
                    .max(words)
                    .max(usual)
            }
            None => words.max(usual),
        };
        delay.clamp(self.min_delay, self.max_delay)
    }
}

/// The pauses that the caller makes within turns.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pauses {
    average: Option<Duration>,
}

impl Pauses {
    /// The caller went on after this pause.
    pub(super) fn went_on_after(&mut self, pause: Duration) {
        let average = self.average.map_or(pause, |average| (average + pause) / 2);
        self.average = Some(average);
    }

    /// A turn is over. What it did not show again is forgotten, by a quarter.
    pub(super) fn turn_over(&mut self) {
        self.average = self.average.map(|average| average * 3 / 4);
    }

    /// A fifth longer than the usual pause.
    fn wait(&self) -> Duration {
        self.average.unwrap_or_default() * 6 / 5
    }
}

#[cfg(test)]
mod tests;
