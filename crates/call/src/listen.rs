//! The caller's side: turns microphone frames into speech events and words.
//!
//! Times are audio time: the moment the microphone started plus samples divided by rate, so that a pause does not
//! look longer on a busy machine.

mod asking;
mod backoff;
mod cutting;
mod ears;
mod judging;
mod transcription;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::EndOfTurn;
use super::nearness::Nearness;
use super::providers::{Hearing, Stt};
use super::vad::{Vad, VadEvent};
pub use asking::SttResult;
use backoff::Backoff;
use cutting::CutOff;
use ears::{asks_model, padding};
use judging::Judging;
use sidetone_base::audio::Pcm;
use sidetone_config::agent::AgentConfig;
use sidetone_turn::{Input, TurnId};
pub use transcription::Transcription;
use transcription::{Ahead, Request};

/// If audio time lags the clock by more than this, it is a gap: the microphone went away and came back.
const GAP: Duration = Duration::from_millis(200);
/// An utterance without a pause is settled (transcribed for good) at this length.
const SETTLE_AT: Duration = Duration::from_secs(27);
/// Audio is never kept beyond this length, even if STT does not answer.
const KEEP: Duration = Duration::from_secs(120);

/// What a model made of the caller's voice; sent from its task to the call's loop.
#[derive(Debug)]
pub enum Heard {
    /// The words of an utterance, or why there are none.
    Words(SttResult),
    /// The probability that the turn was over at a pause.
    EndOfTurn {
        /// One past the last voiced sample before the pause.
        voiced_to: u64,
        /// 0 to 1.
        probability: f32,
    },
}

/// The caller's side of a call. The turn machine decides which turn is open, and the caller of each method passes it
/// in.
pub struct Listen {
    vad: Vad,
    nearness: Nearness,
    near_untold: bool,
    padding: usize,
    stt: Arc<dyn Stt>,
    /// The stream of a provider that transcribes while the caller speaks.
    hearing: Option<Hearing>,
    deadline: Duration,
    results: mpsc::Sender<Heard>,
    /// The end-of-turn model of agents that use it.
    end_of_turn: Option<Arc<dyn EndOfTurn>>,
    judging: Judging,
    /// Time of sample 0. `None` before the microphone's first frame.
    zero: Option<Instant>,
    samples: u64,
    /// In silence: the last moments, for padding. In a turn: all of it that is not settled.
    audio: VecDeque<i16>,
    speaking: bool,
    /// Words of the turn whose audio was dropped.
    settled: String,
    requests: u64,
    request: Option<Request>,
    backoff: Backoff,
    /// STT's result for all speech up to the last pause.
    ahead: Option<Ahead>,
    /// The turn before, cut off at the maximum length: its words are still awaited.
    cut_off: Option<CutOff>,
    /// It was cut off in a pause, and nothing has been said since.
    is_cut: bool,
}

impl Listen {
    /// Nothing heard yet. Models' results arrive through `results`, and go to [`Listen::transcribed`] and
    /// [`Listen::end_of_turn`].
    pub fn new(
        vad: Vad,
        end_of_turn: Option<Arc<dyn EndOfTurn>>,
        agent: &AgentConfig,
        stt: Arc<dyn Stt>,
        results: mpsc::Sender<Heard>,
    ) -> Self {
        Self {
            vad,
            nearness: Nearness::new(),
            near_untold: false,
            padding: padding(&agent.vad),
            hearing: stt.hear(),
            stt,
            deadline: agent.limits.stt,
            results,
            judging: Judging::new(end_of_turn.clone().filter(|_| asks_model(agent))),
            end_of_turn,
            zero: None,
            samples: 0,
            audio: VecDeque::new(),
            speaking: false,
            settled: String::new(),
            requests: 0,
            request: None,
            backoff: Backoff::default(),
            ahead: None,
            cut_off: None,
            is_cut: false,
        }
    }

    /// Takes the next 10 ms of the microphone; they belong to the turn that is `open`, if one is.
    pub fn push(
        &mut self,
        now: Instant,
        frame: &Pcm<16_000>,
        open: Option<TurnId>,
    ) -> Option<Input> {
        let length = frame.duration();
        self.samples += frame.len() as u64;
        let heard = Pcm::<16_000>::duration_of(self.samples as usize);
        // The frame ends now at the latest; it began its length ago at the earliest.
        let on_time = self.zero.filter(|zero| *zero + heard + GAP > now);
        if on_time.is_none() && open.is_none() {
            // The audio before the gap is not part of what follows it.
            self.audio.clear();
        }
        self.zero = Some(on_time.unwrap_or_else(|| now.checked_sub(heard).unwrap_or(now)));
        debug_assert!(length <= GAP);

        self.audio.extend(frame.samples());
        if open.is_some() {
            self.hear(frame.clone());
        }
        let event = self.vad.push(frame);
        let begins = matches!(
            event,
            Some(VadEvent::SpeechStarted { .. } | VadEvent::Resumed)
        );
        if open.is_none() && begins {
            // The new audio of a turn begins with its padding.
            self.hear(Pcm::new(self.audio.iter().copied().collect()));
        }
        let keep = if open.is_some() {
            Pcm::<16_000>::samples_in(KEEP)
        } else {
            self.padding
        };
        if event.is_none() && self.audio.len() > keep {
            self.drop_front(self.audio.len() - keep);
        }
        if self.speaking
            && self.request.is_none()
            && self.backoff.is_over(now)
            && self.audio.len() >= Pcm::<16_000>::samples_in(SETTLE_AT)
        {
            self.transcribe(None);
        }
        if event.is_none() {
            self.judging.lasts(self.samples, &self.audio, &self.results);
        }
        let is_near = self.nearness.caller(now, frame);
        self.near_untold |= is_near;
        let input = event.and_then(|event| self.event(now, event));
        // One input per frame: nearness that became known is reported with the next frame.
        input.or_else(|| std::mem::take(&mut self.near_untold).then_some(Input::SpeechIsNear))
    }

    /// The agent plays this frame from `now` on.
    pub fn agent_says(&mut self, now: Instant, frame: &Pcm<48_000>) {
        self.nearness.agent(now, frame);
    }

    /// Whether the current speech, or the last one, was the caller's own.
    pub fn is_near(&self) -> bool {
        self.nearness.is_near()
    }

    /// Whether the caller is in mid-speech.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// The microphone is muted or gone: ends the current speech, if any.
    pub fn pause(&mut self, now: Instant) -> Option<Input> {
        let event = self.vad.reset()?;
        self.event(now, event)
    }

    /// Another person is heard from now on, first what was said in the last `earlier`. The speech of the one before is
    /// over ([`Listen::pause`]).
    pub fn turn_to(&mut self, earlier: Duration, open: Option<TurnId>) {
        if open.is_none() {
            self.audio.clear();
        }
        self.zero = self.zero.and_then(|zero| zero.checked_sub(earlier));
        self.nearness.another();
    }

    /// The end of what was heard was another's voice, who has said this meanwhile; the turn goes on with it.
    pub fn replace(&mut self, earlier: &Pcm<16_000>) {
        let keep = self.audio.len().saturating_sub(earlier.len());
        self.audio.truncate(keep);
        self.audio.extend(earlier.samples());
        (self.request, self.ahead) = (None, None);
        self.hearing.iter_mut().for_each(Hearing::forget);
        self.hear(Pcm::new(self.audio.iter().copied().collect()));
        self.nearness.another();
    }

    fn event(&mut self, now: Instant, event: VadEvent) -> Option<Input> {
        let zero = self.zero.unwrap_or(now);
        let time = |at: u64| (zero + Pcm::<16_000>::duration_of(at as usize)).min(now);
        match event {
            VadEvent::SpeechStarted { at } => {
                self.speaking = true;
                self.is_cut = false;
                self.nearness.begins();
                self.judging.forget();
                Some(Input::SpeechStarted { at: time(at) })
            }
            VadEvent::Paused { at } => {
                if self.backoff.is_over(now) {
                    self.transcribe(Some(at));
                }
                Some(Input::SpeechPaused { at: time(at) })
            }
            VadEvent::Resumed => {
                self.is_cut = false;
                Some(Input::SpeechResumed)
            }
            VadEvent::SpeechStopped { at } => {
                self.speaking = false;
                self.nearness.ends();
                self.near_untold = false;
                self.ahead.take_if(|ahead| ahead.voiced_to != at);
                let asked = self.request.as_ref().and_then(|request| request.voiced_to);
                if std::mem::take(&mut self.is_cut) {
                    // Everything that was said belongs to the turn that was cut off.
                    return Some(Input::SpeechStopped { at: time(at) });
                }
                if self.ahead.is_none() && asked != Some(at) {
                    self.transcribe(Some(at));
                }
                self.judging.paused(at);
                Some(Input::SpeechStopped { at: time(at) })
            }
        }
    }

    /// Takes the end-of-turn model's answer. `None` if the caller has gone on.
    pub fn end_of_turn(&mut self, voiced_to: u64, probability: f32) -> Option<Input> {
        let is_asked = self.judging.answered(voiced_to);
        is_asked.then_some(Input::EndOfTurn { probability })
    }

    /// The turn is closed: drops its audio and words.
    pub fn forget(&mut self) {
        self.request = None;
        self.ahead = None;
        self.judging.forget();
        self.settled.clear();
        if !self.speaking {
            self.hearing.iter_mut().for_each(Hearing::forget);
            self.drop_front(self.audio.len().saturating_sub(self.padding));
        }
    }

    /// Whether speech begins with this frame. Nobody will ask for its words.
    pub fn is_speech_begun(&mut self, frame: &Pcm<16_000>) -> bool {
        self.samples += frame.len() as u64;
        matches!(self.vad.push(frame), Some(VadEvent::SpeechStarted { .. }))
    }

    fn drop_front(&mut self, samples: usize) {
        self.audio.drain(..samples.min(self.audio.len()));
        if let Some(request) = &mut self.request {
            request.covers = request.covers.saturating_sub(samples);
        }
    }
}

#[cfg(test)]
mod tests;
