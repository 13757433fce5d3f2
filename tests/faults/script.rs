//! What a caller does: asks one question after the other, each when the previous answer was heard completely, asks
//! again if no answer comes, and hangs up after an answer that follows the faults, or gives up. PURE: time and what
//! was heard in, actions out.

use std::time::Duration;

use sidetone::caller::heard::Span;

use super::ears::Ears;
use super::tones::{SUBJECTS, Sound, answer_lasts};

/// A speaker has finished after this much silence.
const FINISHED: Duration = Duration::from_millis(600);
/// How long a caller thinks before the next question.
const THINKS: Duration = Duration::from_millis(800);
/// A caller asks again after this long without a sound.
const ASKS_AGAIN: Duration = Duration::from_secs(12);
/// A caller gives up if a question is not answered for this long: nobody is there.
const GIVES_UP: Duration = Duration::from_secs(70);
/// The fraction of an answer that has to be heard: the jitter buffer may shorten it a little.
const WHOLE: f64 = 0.85;

/// A question that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub n: usize,
    pub span: Span,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Wait,
    /// Say the `n`th question, then call [`Script::said`].
    Ask(usize),
    HangUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waiting for the agent's first words.
    Greeting,
    Thinking {
        until: Duration,
    },
    Asking,
    /// Waiting for the answer.
    Waiting,
    Over,
}

/// A caller.
#[derive(Debug)]
pub struct Script {
    state: State,
    /// The current question.
    n: usize,
    asked: Vec<Asked>,
    /// Since when the agent owes a sound, for this question or its greeting.
    owed_since: Duration,
    /// Since when it is the caller's turn; `None` while it only repeats a question.
    mine_since: Option<Duration>,
    /// The times when it was the caller's turn to speak.
    mine: Vec<Span>,
    finish_from: Option<Duration>,
    alone: bool,
}

impl Script {
    /// Starts with joining the room at `now`.
    pub fn new(now: Duration) -> Self {
        Self {
            state: State::Greeting,
            n: 0,
            asked: Vec::new(),
            owed_since: now,
            mine_since: None,
            mine: Vec::new(),
            finish_from: None,
            alone: false,
        }
    }

    /// The faults are over: one more question has to be asked and answered.
    pub fn finish(&mut self, now: Duration) {
        self.finish_from.get_or_insert(now);
    }

    pub fn tick(&mut self, now: Duration, ears: &Ears) -> Action {
        let quiet = ears.quiet_for(now);
        match self.state {
            State::Greeting if quiet.is_some_and(|quiet| quiet >= FINISHED) => self.think(now),
            State::Thinking { until } if now >= until => {
                self.state = State::Asking;
                self.owed_since = now;
                return Action::Ask(self.n);
            }
            State::Waiting if self.is_answered(ears) => {
                if quiet.is_none_or(|quiet| quiet < FINISHED) {
                    return Action::Wait;
                }
                let begun = self.asked.iter().find(|asked| asked.n == self.n);
                let is_last = (self.finish_from)
                    .is_some_and(|from| begun.is_some_and(|asked| asked.span.start >= from));
                self.n += 1;
                if is_last || self.n == SUBJECTS.len() {
                    self.state = State::Over;
                    return Action::HangUp;
                }
                self.think(now);
            }
            State::Waiting if self.wants_to_ask_again(now, ears) => {
                self.state = State::Asking;
                return Action::Ask(self.n);
            }
            State::Greeting | State::Waiting if now > self.owed_since + GIVES_UP => {
                self.alone = true;
                self.state = State::Over;
            }
            _ => {}
        }
        match self.state {
            State::Over => Action::HangUp,
            _ => Action::Wait,
        }
    }

    fn think(&mut self, now: Duration) {
        self.mine_since = Some(now);
        self.state = State::Thinking {
            until: now + THINKS,
        };
    }

    /// The question was said during this stretch.
    pub fn said(&mut self, span: Span) {
        self.asked.push(Asked { n: self.n, span });
        self.mine.extend(self.mine_since.take().map(|start| Span {
            start,
            end: span.end,
        }));
        self.state = State::Waiting;
    }

    fn is_answered(&self, ears: &Ears) -> bool {
        ears.of_answer(self.n, self.first_asked()) >= answer_lasts(self.n).mul_f64(WHOLE)
    }

    /// When the current question was first asked.
    fn first_asked(&self) -> Duration {
        let first = self.asked.iter().find(|asked| asked.n == self.n);
        first.map_or(self.owed_since, |asked| asked.span.start)
    }

    /// Whether nothing is heard, or an agent asks what the caller wants.
    fn wants_to_ask_again(&self, now: Duration, ears: &Ears) -> bool {
        let Some(last) = self.asked.last() else {
            return false;
        };
        let quiet = ears.quiet_for(now).unwrap_or(now);
        let asks = |sound| matches!(sound, Sound::Greeting | Sound::AsksAgain);
        let is_asked = (ears.pieces().iter())
            .any(|(_, piece)| asks(piece.sound) && piece.span.start > last.span.start);
        let waited = now.saturating_sub(last.span.end).min(quiet);
        waited >= if is_asked { FINISHED } else { ASKS_AGAIN }
    }

    /// All questions asked, including repetitions.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// The times of the caller's turns: from the end of an answer to the end of the next question. While repeating a
    /// question, the caller is still waiting.
    pub fn mine(&self) -> &[Span] {
        &self.mine
    }

    /// Whether it gave up.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// The number of questions that were answered completely.
    pub fn answered(&self) -> usize {
        self.n
    }
}

mod tests;
