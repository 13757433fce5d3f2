//! Whether a machine has answered the telephone that the agent calls, PURE. Three things tell: somebody speaks
//! for long at first without a pause, says what machines say, or there is the tone after which messages are
//! left. Time is counted in the microphone's frames.

mod tone;

use std::time::Duration;

use sidetone_base::audio::Pcm;
pub use sidetone_config::voicemail::Sign;
use sidetone_config::voicemail::{Voicemail, WORDS};
use sidetone_turn::words;

use tone::Tone;

/// What a frame lasts.
const FRAME: Duration = Duration::from_millis(10);
/// A pause as long as this ends what somebody says at first.
const PAUSE: Duration = Duration::from_millis(1200);
/// Words tell of a machine for so long after the answer; later, people may speak of messages.
const WORDS_FOR: Duration = Duration::from_secs(20);
/// The tone does for so long.
const TONE_FOR: Duration = Duration::from_secs(60);
/// A machine that is silent for so long is waiting: it has no tone, or it was not heard.
const WAITING: Duration = Duration::from_millis(2500);
/// Softer is silence.
const SILENT_DBFS: f32 = -48.0;

/// What is known of who has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is a machine.
    Machine(Sign),
    /// The machine takes the message now.
    Speak,
}

/// Listens to who has answered.
#[derive(Debug)]
pub struct Ear {
    /// A longer greeting is a machine's.
    hello: Duration,
    /// By which machines are known, word by word.
    words: Vec<Vec<String>>,
    /// Since the answer.
    heard: Duration,
    greeting: Greeting,
    tone: Tone,
    machine: Option<Machine>,
    /// Nothing more is to be told.
    done: bool,
}

/// The first that is said, up to a pause.
#[derive(Debug, Default)]
struct Greeting {
    /// Since its first sound.
    lasts: Option<Duration>,
    pause: Duration,
    over: bool,
}

/// A machine that was found.
#[derive(Debug, Default)]
struct Machine {
    /// For so long it is silent.
    silent: Duration,
    lasts: Duration,
    /// The tone was heard.
    toned: bool,
}

impl Ear {
    /// Of a call that is answered now.
    pub fn new(rules: &Voicemail) -> Self {
        let known = WORDS.iter().copied();
        let known = known.chain(rules.words.iter().map(String::as_str));
        Self {
            hello: rules.hello,
            words: (known.map(words::bare))
                .filter(|words| !words.is_empty())
                .collect(),
            heard: Duration::ZERO,
            greeting: Greeting::default(),
            tone: Tone::default(),
            machine: None,
            done: false,
        }
    }

    /// Whether a machine has answered.
    pub fn is_machine(&self) -> bool {
        self.machine.is_some()
    }

    /// The next 10 ms, and whether somebody speaks in them.
    pub fn push(&mut self, frame: &Pcm<16_000>, is_speaking: bool) -> Option<Told> {
        self.heard += FRAME;
        if self.done || (self.machine.is_none() && self.heard > TONE_FOR) {
            return None;
        }
        let toned = self.tone.push(frame.samples());
        let Some(machine) = &mut self.machine else {
            let sign = match toned {
                true => Some(Sign::Tone),
                false => (self.greeting.push(is_speaking) > self.hello).then_some(Sign::Greeting),
            };
            return sign.map(|sign| self.found(sign));
        };
        machine.lasts += FRAME;
        let is_silent = (frame.level_dbfs()).is_none_or(|level| level < SILENT_DBFS);
        machine.silent = if is_silent {
            machine.silent + FRAME
        } else {
            Duration::ZERO
        };
        let speaks =
            toned || machine.toned || machine.silent >= WAITING || machine.lasts > TONE_FOR;
        self.done = speaks;
        speaks.then_some(Told::Speak)
    }

    /// Words of whoever has answered.
    pub fn said(&mut self, text: &str) -> Option<Told> {
        if self.done || self.machine.is_some() || self.heard > WORDS_FOR {
            return None;
        }
        let said = words::bare(text);
        let is_known = |words: &Vec<String>| said.windows(words.len()).any(|some| some == words);
        let found = self.words.iter().any(is_known);
        found.then(|| self.found(Sign::Words))
    }

    fn found(&mut self, sign: Sign) -> Told {
        self.machine = Some(Machine {
            toned: sign == Sign::Tone,
            ..Machine::default()
        });
        Told::Machine(sign)
    }
}

impl Greeting {
    /// How long it lasts by now; nothing once it is over.
    fn push(&mut self, is_speaking: bool) -> Duration {
        if self.over {
            return Duration::ZERO;
        }
        if is_speaking {
            // A short pause within it counts as its own.
            let before = self.lasts.unwrap_or_default() + std::mem::take(&mut self.pause);
            self.lasts = Some(before + FRAME);
        } else if self.lasts.is_some() {
            self.pause += FRAME;
            self.over = self.pause >= PAUSE;
        }
        self.lasts.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
