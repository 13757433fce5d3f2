//! Voice activity: when the caller begins and ends to speak, in sample time.

use crate::audio::Pcm;
use crate::config::agent::VadConfig;

/// The caller began or ceased to speak. Sample indices count from the first frame pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VadEvent {
    /// Speech has lasted `min_speech`.
    SpeechStarted {
        /// First voiced sample.
        at: u64,
    },
    /// Silence has lasted `silence_duration`.
    SpeechStopped {
        /// One past the last voiced sample.
        at: u64,
    },
}

/// Frames in, speech events out.
#[derive(Debug)]
pub struct Vad {
    source: Source,
    segmenter: Segmenter,
}

/// Where the probability of speech comes from.
#[derive(Debug)]
enum Source {
    /// 1 above this level in dBFS, else 0. For tests and clean rooms.
    Level(f32),
}

impl Vad {
    /// Speech is whatever is louder than `dbfs`.
    pub fn by_level(config: &VadConfig, dbfs: f32) -> Self {
        Self {
            source: Source::Level(dbfs),
            segmenter: Segmenter::new(config),
        }
    }

    /// Takes the next 10 ms.
    pub fn push(&mut self, frame: &Pcm<16_000>) -> Option<VadEvent> {
        let probability = match &self.source {
            Source::Level(dbfs) => {
                if frame.level_dbfs().is_some_and(|level| level > *dbfs) {
                    1.0
                } else {
                    0.0
                }
            }
        };
        self.segmenter.push(frame.len() as u64, probability)
    }

    /// Ends speech, if any, at its last voiced sample: the microphone was muted or is gone.
    pub fn reset(&mut self) -> Option<VadEvent> {
        self.segmenter.reset()
    }
}

/// Hysteresis and minimum lengths over frame probabilities.
#[derive(Debug)]
struct Segmenter {
    threshold: f32,
    deactivation: f32,
    min_speech: u64,
    min_silence: u64,
    /// Samples seen.
    now: u64,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Silence,
    /// Voiced, but for less than `min_speech` yet.
    Onset {
        since: u64,
    },
    Speech {
        voiced_to: u64,
    },
}

impl Segmenter {
    fn new(config: &VadConfig) -> Self {
        Self {
            threshold: config.threshold,
            deactivation: config.deactivation_threshold,
            min_speech: Pcm::<16_000>::samples_in(config.min_speech) as u64,
            min_silence: Pcm::<16_000>::samples_in(config.silence_duration) as u64,
            now: 0,
            state: State::Silence,
        }
    }

    fn push(&mut self, samples: u64, probability: f32) -> Option<VadEvent> {
        let begin = self.now;
        self.now += samples;
        let now = self.now;
        match self.state {
            State::Silence if probability >= self.threshold => self.onset(begin),
            State::Onset { since } if probability >= self.threshold => self.onset(since),
            State::Onset { .. } => {
                self.state = State::Silence;
                None
            }
            State::Speech { .. } if probability >= self.deactivation => {
                self.state = State::Speech { voiced_to: now };
                None
            }
            State::Speech { voiced_to } if now - voiced_to >= self.min_silence => {
                self.state = State::Silence;
                Some(VadEvent::SpeechStopped { at: voiced_to })
            }
            _ => None,
        }
    }

    fn onset(&mut self, since: u64) -> Option<VadEvent> {
        if self.now - since < self.min_speech {
            self.state = State::Onset { since };
            return None;
        }
        self.state = State::Speech {
            voiced_to: self.now,
        };
        Some(VadEvent::SpeechStarted { at: since })
    }

    fn reset(&mut self) -> Option<VadEvent> {
        match std::mem::replace(&mut self.state, State::Silence) {
            State::Speech { voiced_to } => Some(VadEvent::SpeechStopped { at: voiced_to }),
            State::Silence | State::Onset { .. } => None,
        }
    }
}
