//! How long the caller must be silent before the turn is over.

use std::time::Duration;

use super::ending::Ending;
use super::phrases;

/// The wait, counted from the last voiced sample, so that VAD and STT work during it and do not add to it.
/// The ending of the words and the caller's own pauses lengthen it. An end-of-turn model lengthens it further or cuts
/// it to the shortest, but makes complete words wait no longer than `complete_delay`. The upper limit is `max_delay`.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpointing {
    /// Wait when the caller seems to have finished. 500 ms: livekit-agents `min_delay`.
    pub min_delay: Duration,
    /// The longest wait, when the caller seems to be in mid-thought. 3 s: livekit-agents `max_delay`.
    pub max_delay: Duration,
    /// End-of-turn probability from which the caller seems to have finished, 0 to 1. With 0 no model is asked.
    pub threshold: f32,
    /// Wait after dictated digits and spelled letters: they come in groups. 1.2 s: our choice,
    /// above the pause that people make between groups of a telephone number.
    pub digits_delay: Duration,
    /// Wait after words that call for more. 1.5 s: Vapi's `onNoPunctuationSeconds`.
    pub unfinished_delay: Duration,
    /// Words that do not end a sentence.
    pub open_words: Vec<String>,
    /// The longest wait after a complete greeting, short answer or question when the model has doubts: it hears how
    /// the words sound, but not that there is nothing to add. 700 ms: our choice, above the pause between two
    /// sentences said in one breath.
    pub complete_delay: Duration,
    /// Greetings, answers and questions that are complete without a question mark.
    pub complete_phrases: Vec<String>,
    /// Wait longer for callers who make longer pauses.
    pub dynamic: bool,
    /// A turn that has lasted this long from its first sound is ended at the next pause between two words, although
    /// speech continues, and is answered. 30 s: our choice, longer than people speak to be answered, and the longest
    /// audio that speech recognisers take.
    pub longest_turn: Duration,
}

impl Default for Endpointing {
    fn default() -> Self {
        // Without those that often do end a sentence ("so", "is", "on").
        const OPEN_WORDS: &str = "and but or because if the a an my your our their of with from to \
                                  for um uh uhm er erm plus than i'm i'd i'll i've we're";
        const COMPLETE: &str = "\
            hello, hello there, hi, hi there, hey, hey there, good morning, good afternoon, good \
            evening, good day, good night, greetings, howdy, hello again, hi again, hello \
            everyone, hi everyone, hello everybody, what's up, how's it going, how are you, how \
            are you doing, how do you do, nice to meet you, pleased to meet you, good to see \
            you, i'm fine, sir, madam, ma'am, i'm good, bye, bye bye, goodbye, see you, see you \
            later, take care, have a nice day, have a good day, thank you, thanks, thank you \
            very much, thank you so much, thanks a lot, many thanks, no thanks, no thank you, \
            cheers, you're welcome, yes, yes please, yeah, yep, yup, yes i am, yes it is, no, no \
            i don't, no i'm not, no it isn't, nope, not at all, no problem, yes i can, yes i do, \
            speaking, it's me, ok, okay, all right, alright, sure, of course, of course not, \
            certainly, absolutely, definitely, exactly, correct, right, that's right, that's \
            correct, that's all, that's it, that's fine, that's great, that works, sounds good, \
            perfect, great, good, fine, very good, very well, maybe, perhaps, not really, not \
            yet, not now, never, never mind, nothing, nothing else, i don't know, i know, i see, \
            i understand, i don't understand, i think so, i don't think so, i hope so, got it, \
            understood, me too, same here, please do, go ahead, here i am, i'm here, who is \
            that, who's that, who is this, who's this, who are you, who is there, who's there, \
            who am i speaking to, who am i speaking with, who am i talking to, are you a robot, \
            what is your name, what's your name, where are you, how much is it, how much does it \
            cost, what does it cost, what is that, what's that, what is this, what do you mean, \
            what did you say, what was that, what time is it, why not, are you there, are you \
            still there, is anybody there, is anyone there, is somebody there, is someone there, \
            anybody there, anyone there, can you hear me, do you hear me, can you help me";
        Self {
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(3),
            threshold: 0.5,
            digits_delay: Duration::from_millis(1200),
            unfinished_delay: Duration::from_millis(1500),
            open_words: OPEN_WORDS.split_whitespace().map(str::to_owned).collect(),
            complete_delay: Duration::from_millis(700),
            complete_phrases: phrases::listed(COMPLETE),
            dynamic: true,
            longest_turn: Duration::from_secs(30),
        }
    }
}

impl Endpointing {
    /// The wait after `text`, for a caller with these pauses and this end-of-turn probability.
    pub(super) fn delay(&self, text: &str, pauses: &Pauses, probability: Option<f32>) -> Duration {
        let ending = Ending::of(text, self);
        let words = match ending {
            Ending::Complete | Ending::Whole => self.min_delay,
            Ending::Digits => self.digits_delay,
            Ending::Unfinished => self.unfinished_delay,
        };
        let usual = if self.dynamic {
            pauses.wait()
        } else {
            Duration::ZERO
        };
        let delay = match probability {
            // Between groups of digits the voice falls as it does at an end.
            Some(p) if p >= self.threshold && ending == Ending::Digits => words,
            Some(p) if p >= self.threshold => self.min_delay,
            Some(p) => {
                // Squared: a slightly doubtful model costs little, a certain one gets its way.
                let doubt = (1.0 - p / self.threshold).powi(2);
                let range = self.max_delay.saturating_sub(self.min_delay);
                let doubted = self.min_delay + range.mul_f32(doubt);
                let most = match ending {
                    Ending::Complete => self.complete_delay,
                    _ => self.max_delay,
                };
                doubted.min(most).max(words).max(usual)
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
    /// The caller continued after this pause.
    pub(super) fn went_on_after(&mut self, pause: Duration) {
        let average = self.average.map_or(pause, |average| (average + pause) / 2);
        self.average = Some(average);
    }

    /// A turn is over. What it did not confirm decays by a quarter.
    pub(super) fn turn_over(&mut self) {
        self.average = self.average.map(|average| average * 3 / 4);
    }

    /// A fifth more than the usual pause.
    fn wait(&self) -> Duration {
        self.average.unwrap_or_default() * 6 / 5
    }
}

#[cfg(test)]
mod tests;
