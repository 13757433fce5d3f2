//! The caller's side: microphone frames to speech events and words.
//!
//! Times are audio time: the moment the microphone began plus samples over rate, so that a busy
//! machine does not make a pause look longer than it was.

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

/// Audio time may lag the clock by this much before it is taken for a gap: the microphone went
/// away and came back.
const GAP: Duration = Duration::from_millis(200);
/// An utterance without a pause is settled at this length.
const SETTLE_AT: Duration = Duration::from_secs(27);
/// Audio is never kept beyond this length, also when STT does not answer.
const KEEP: Duration = Duration::from_secs(120);

/// What a model made of the caller's voice. Goes from its task to the call's loop.
#[derive(Debug)]
pub enum Heard {
    /// Words of an utterance, or why there are none.
    Words(SttResult),
    /// How likely the turn was over at a pause.
    EndOfTurn {
        /// One past the last voiced sample before the pause.
        voiced_to: u64,
        /// 0 to 1.
        probability: f32,
    },
}

/// The caller's side of a call. Which turn is open is the turn machine's to say: whoever calls
/// hands it in.
pub struct Listen {
    vad: Vad,
    nearness: Nearness,
    near_untold: bool,
    padding: usize,
    stt: Arc<dyn Stt>,
    /// Where words come as they are spoken.
    hearing: Option<Hearing>,
    deadline: Duration,
    results: mpsc::Sender<Heard>,
    /// Asked in pauses by agents that want it.
    end_of_turn: Option<Arc<dyn EndOfTurn>>,
    judging: Judging,
    /// Time of sample 0, once the microphone is there.
    zero: Option<Instant>,
    samples: u64,
    /// Silent: the last moments, for padding. In a turn: all of it that is not settled.
    audio: VecDeque<i16>,
    speaking: bool,
    /// Words of the turn whose audio was let go.
    settled: String,
    requests: u64,
    request: Option<Request>,
    backoff: Backoff,
    /// What STT brought for all speech up to the last pause.
    ahead: Option<Ahead>,
    /// The turn before, which had its longest length: its words are awaited.
    cut_off: Option<CutOff>,
    /// It was cut off in a pause, and nothing has been said since.
    is_cut: bool,
}

impl Listen {
    /// Nothing heard yet. What models make of it comes back through `results`, to
    /// [`Listen::transcribed`] and [`Listen::end_of_turn`].
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

    /// Takes the next 10 ms of the microphone, of the turn that is `open`, if one is.
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
            // What was heard before the gap does not lead into what comes after it.
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
            // What is new in a turn begins with its padding.
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
        // One input a frame: what is known to be near is told by the next.
        input.or_else(|| std::mem::take(&mut self.near_untold).then_some(Input::SpeechIsNear))
    }

    /// The agent says this from now on.
    pub fn agent_says(&mut self, now: Instant, frame: &Pcm<48_000>) {
        self.nearness.agent(now, frame);
    }

    /// Whether the speech that goes on, or the last one, was the caller's own.
    pub fn is_near(&self) -> bool {
        self.nearness.is_near()
    }

    /// Whether the caller is in mid-speech.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// The microphone is muted or gone: speech, if any, ends.
    pub fn pause(&mut self, now: Instant) -> Option<Input> {
        let event = self.vad.reset()?;
        self.event(now, event)
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
                    // All that was said is of the turn that was cut off.
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

    /// Takes what the end-of-turn model said; `None` when the caller has gone on.
    pub fn end_of_turn(&mut self, voiced_to: u64, probability: f32) -> Option<Input> {
        let is_asked = self.judging.answered(voiced_to);
        is_asked.then_some(Input::EndOfTurn { probability })
    }

    /// The turn is closed: its audio and words are let go.
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

    /// Whether speech begins with this frame, which nobody will ask for the words of.
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
