//! Voice activity detection: when the caller starts and stops speaking, in sample time.
//!
//! The judge is the neural network of the `earshot` crate (pure Rust, weights included), chosen by this measurement:
//! ten recordings of people (five LibriVox sentences, five short utterances over a laptop's microphone) with 1.5 s of
//! silence between, 50 s in all, at -26 dBFS, clean and with noise; thresholds 0.5 on, 0.35 off; 10 ms frames against
//! labels by level of the clean recording (within 20 dB of its loud parts). "Missed" and "false" are shares of the
//! speech and of the rest (7% are the quiet ends of words), "onset" is the median delay to the end of the first frame
//! taken for speech. CPU time is for a second of audio on one core.
//!
//! | judge | CPU | clean: missed, false, onset | pink noise 10 dB | white noise 5 dB |
//! |---|---|---|---|---|
//! | Silero v6 (rten) | 12.5 ms | 1.0%, 7.2%, 44 ms | 2.1%, 5.4%, 58 ms | 2.8%, 6.0%, 82 ms |
//! | earshot 1.2 | 0.8 ms | 1.4%, 11.5%, 32 ms | 4.6%, 9.8%, 98 ms | 2.8%, 64.3%, 44 ms |
//! | **earshot 1.2, odds × 2/3** | **0.8 ms** | **3.2%, 6.9%, 58 ms** | **9.2%, 5.5%, 114 ms** | **6.8%, 18.6%, 114 ms** |
//! | webrtc-vad, mode 0 | 0.1 ms | 0.1%, 27.4%, 0 ms | 4.3%, 18.3%, 20 ms | 7.0%, 9.8%, 30 ms |
//! | webrtc-vad, mode 2 | 0.1 ms | 0.1%, 23.4%, 0 ms | 11.8%, 3.7%, 40 ms | 13.9%, 4.0%, 30 ms |
//!
//! webrtc-vad takes tones, clicks, knocks and breaths for speech, so it is no judge; in mode 0 it is the [`gate`]
//! that saves running the network on the silence between utterances. Earshot's weak points are telephone tones (DTMF,
//! ringback) and the onset of a loud noise. The level shows the end of a voice sooner than the network does
//! ([`trail`]).
//!
//! # Noise suppression before the judge
//!
//! It is not used, by this measurement: the same ten recordings at -26 dBFS in one stream, with noise that many dB
//! below them (babble is six people at once, a talker one), and the sound cleaned for the judge alone, as it gave STT
//! nothing. "In time" is how many of the ten were reported to be over within 0.8 s of their end; "missed" and "false"
//! are shares of frames as above. CPU time is for a minute of sound, of which a whole call takes 1.3 to 1.6 s.
//!
//! | in time; missed, false | as it is | hush-vani 0.1.2 | nnnoiseless 0.5.2 |
//! |---|---|---|---|
//! | CPU for a minute | – | 1.1 s | 0.3 s |
//! | clean | 10; 3%, 16% | 8, two never heard; 13%, 14% | 10; 5%, 12% |
//! | pink noise 10 dB | 10; 9%, 16% | 10; 6%, 14% | 10; 10%, 9% |
//! | pink noise 5 dB | 9; 12%, 19% | 10; 8%, 14% | 10; 14%, 11% |
//! | pink noise 0 dB | 2; 7%, 49% | 10; 13%, 13% | 10; 15%, 14% |
//! | white noise 5 dB | 7; 6%, 28% | 10; 7%, 14% | 10; 12%, 11% |
//! | babble 15 dB | 2; 0%, 74% | 8, one never heard; 17%, 11% | 2; 2%, 77% |
//! | babble 10 dB | 0; 0%, 96% | 8, one never heard; 26%, 11% | 0; 1%, 95% |
//! | babble 5 dB | 0; 0%, 98% | 9, one never heard; 26%, 20% | 0; 0%, 98% |
//! | talker 20 dB | 4; 1%, 65% | 9, one never heard; 13%, 20% | 4; 3%, 61% |
//! | talker 10 dB | 4; 1%, 72% | 9; 6%, 45% | 4; 1%, 68% |
//! | agent's voice held in a minute of babble | 60 s | 56 s | 60 s |
//! | of ten recorded barks hold it, at -20 and -30 dBFS | 10 and 10 | 6 and 0 | 10 and 9 |
//!
//! hush-vani tells near from far, which helps in every noise. But without noise two of ten utterances are lost; it
//! nearly doubles what a call costs, and has fast kernels for AVX2 only; it lets babble through while the caller is
//! silent; and it is 10 ms late. nnnoiseless helps only in steady noise at least as loud as 5 dB below the caller, and
//! does nothing about voices and barks.

mod gate;
mod trail;

use earshot::Detector;

use gate::{Gate, Passage};
use sidetone_base::audio::Pcm;
use sidetone_config::agent::VadConfig;
use trail::Trail;

/// The caller started or stopped speaking. Sample indices count from the first frame pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VadEvent {
    /// Speech has lasted `min_speech`.
    SpeechStarted {
        /// First voiced sample.
        at: u64,
    },
    /// Silence has lasted `stt_after`: possibly the end of speech.
    Paused {
        /// One past the last voiced sample.
        at: u64,
    },
    /// After `Paused`: the speech continues.
    Resumed,
    /// Silence has lasted `silence_duration`.
    SpeechStopped {
        /// One past the last voiced sample.
        at: u64,
    },
}

/// Takes frames and reports speech events.
pub struct Vad {
    judge: Judge,
    segmenter: Segmenter,
}

/// Shows its state, never the samples it holds: they are somebody's voice.
impl std::fmt::Debug for Vad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vad")
            .field("segmenter", &self.segmenter)
            .finish_non_exhaustive()
    }
}

/// The source of the speech probability.
enum Judge {
    /// The neural network behind its gate, the samples that do not fill one of its frames yet, and its result for the
    /// last full one.
    Earshot {
        gate: Gate,
        detector: Box<Detector>,
        pending: Vec<i16>,
        probability: f32,
        trail: Trail,
    },
    /// 1 above this level in dBFS, otherwise 0. For tests and quiet rooms.
    Level(f32),
}

/// 16 ms, the frame length of earshot, in samples.
const EARSHOT_FRAME: usize = 256;

/// Earshot scores noise higher than Silero, whose 0.5 is what the usual defaults mean: this factor on the odds turns
/// its 0.6 into 0.5 (and its 0.45 into 0.35).
const EARSHOT_ODDS: f32 = 2.0 / 3.0;

impl Vad {
    /// Detects speech by the neural network. No download, no thread, 8 KiB.
    pub fn new(config: &VadConfig) -> Self {
        let judge = Judge::Earshot {
            gate: Gate::new(),
            detector: Detector::default_boxed(),
            pending: Vec::with_capacity(2 * EARSHOT_FRAME),
            probability: 0.0,
            trail: Trail::new(),
        };
        Self {
            judge,
            segmenter: Segmenter::new(config),
        }
    }

    /// Treats everything louder than `dbfs` as speech.
    pub fn by_level(config: &VadConfig, dbfs: f32) -> Self {
        Self {
            judge: Judge::Level(dbfs),
            segmenter: Segmenter::new(config),
        }
    }

    /// Changes the settings, even in the middle of speech.
    pub fn configure(&mut self, config: &VadConfig) {
        self.segmenter = Segmenter {
            now: self.segmenter.now,
            state: self.segmenter.state,
            ..Segmenter::new(config)
        };
    }

    /// Takes the next 10 ms.
    pub fn push(&mut self, frame: &Pcm<16_000>) -> Option<VadEvent> {
        match &mut self.judge {
            Judge::Level(dbfs) => {
                let voiced = frame.level_dbfs().is_some_and(|level| level > *dbfs);
                self.segmenter
                    .push(frame.len() as u64, if voiced { 1.0 } else { 0.0 })
            }
            Judge::Earshot {
                gate,
                detector,
                pending,
                probability,
                trail,
            } => {
                match gate.push(frame) {
                    Passage::Open => {}
                    Passage::Closed => {
                        pending.clear();
                        *probability = 0.0;
                        return self.segmenter.push(frame.len() as u64, 0.0);
                    }
                    Passage::Opens(lead_in) => {
                        detector.reset();
                        let (frames, _) = lead_in.make_contiguous().as_chunks::<EARSHOT_FRAME>();
                        for context in frames {
                            detector.predict_i16(context);
                        }
                        lead_in.clear();
                    }
                }
                pending.extend(frame.samples());
                // 10 ms complete at most one frame.
                if let Some(whole) = pending.first_chunk::<EARSHOT_FRAME>() {
                    let odds = EARSHOT_ODDS * odds(detector.predict_i16(whole));
                    *probability = odds / (1.0 + odds);
                    pending.drain(..EARSHOT_FRAME);
                }
                if self.segmenter.is_silence() {
                    trail.reset();
                }
                let is_over = trail.is_over(frame.len(), frame.level_dbfs());
                let probability = if is_over { 0.0 } else { *probability };
                self.segmenter.push(frame.len() as u64, probability)
            }
        }
    }

    /// Ends the current speech, if any, at its last voiced sample: the microphone was muted or is gone.
    pub fn reset(&mut self) -> Option<VadEvent> {
        if let Judge::Earshot {
            detector,
            pending,
            probability,
            ..
        } = &mut self.judge
        {
            // Otherwise its memory of the speech would count as the beginning of more.
            detector.reset();
            pending.clear();
            *probability = 0.0;
        }
        self.segmenter.reset()
    }
}

fn odds(probability: f32) -> f32 {
    let probability = probability.clamp(0.0, 0.999);
    probability / (1.0 - probability)
}

/// Hysteresis and minimum lengths over frame probabilities.
#[derive(Debug)]
struct Segmenter {
    threshold: f32,
    deactivation: f32,
    min_speech: u64,
    min_silence: u64,
    pause: u64,
    /// Samples seen.
    now: u64,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Silence,
    /// Voiced, but not for `min_speech` yet.
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
            pause: Pcm::<16_000>::samples_in(config.stt_after) as u64,
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
            State::Speech { voiced_to } if probability >= self.deactivation => {
                self.state = State::Speech { voiced_to: now };
                (begin - voiced_to >= self.pause).then_some(VadEvent::Resumed)
            }
            State::Speech { voiced_to } if now - voiced_to >= self.min_silence => {
                self.state = State::Silence;
                Some(VadEvent::SpeechStopped { at: voiced_to })
            }
            // Reported once, by the frame with which the silence becomes long enough.
            State::Speech { voiced_to }
                if begin - voiced_to < self.pause && now - voiced_to >= self.pause =>
            {
                Some(VadEvent::Paused { at: voiced_to })
            }
            _ => None,
        }
    }

    fn is_silence(&self) -> bool {
        matches!(self.state, State::Silence)
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

#[cfg(test)]
mod tests;
