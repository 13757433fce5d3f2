//! When the scripted caller speaks: it waits for the greeting, takes turns, barges in. PURE: ten-millisecond ticks in,
//! at most one action out. Times are since the call began.

use std::time::Duration;

/// What starts a turn of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// The agent has spoken since the last turn and is now quiet.
    AgentDone,
    /// The agent has been audible for this long: interrupt it.
    AgentSpeakingFor(Duration),
}

/// How patient the caller is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Without a greeting by then the caller speaks first.
    pub greeting: Duration,
    /// Without an answer by then the caller goes on to the next turn.
    pub answer: Duration,
    /// An agent that reports listening and is quiet for this long is done.
    pub quiet_listening: Duration,
    /// An agent that does not report its state is done when it is quiet for this long.
    pub quiet: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(15),
            answer: Duration::from_secs(30),
            quiet_listening: Duration::from_millis(600),
            // Longer than a slow model's pause between two sentences.
            quiet: Duration::from_millis(2500),
        }
    }
}

/// What the caller hears and the room reports at one tick.
#[derive(Debug, Clone, Copy)]
pub struct Observed {
    /// The agent's `lk.agent.state` is `listening` or `idle`. `None` if it never reported one.
    pub agent_listening: Option<bool>,
    /// When the agent's latest stretch of voice began and ended (so far).
    pub agent_voice: Option<super::heard::Span>,
    /// The turn started by `Action::Speak` is still being played.
    pub speaking: bool,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing: wait for the next tick.
    Wait,
    /// Play this turn (an index into the script).
    Speak(usize),
    /// The script is over.
    HangUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waiting for the cue of `next`; `since` is the end of the caller's last turn.
    Waiting {
        next: usize,
        since: Duration,
    },
    /// Turn `turn` is being played.
    Speaking {
        turn: usize,
    },
    Over,
}

/// The state machine. One per call.
#[derive(Debug)]
pub struct Script {
    cues: Vec<Cue>,
    patience: Patience,
    state: State,
}

impl Script {
    /// A script with one cue for each turn.
    pub fn new(cues: Vec<Cue>, patience: Patience) -> Self {
        Self {
            cues,
            patience,
            state: State::Waiting {
                next: 0,
                since: Duration::ZERO,
            },
        }
    }

    /// There is another turn, also where the script was over.
    pub fn goes_on(&mut self, cue: Cue) {
        if self.state == State::Over {
            // What the agent has said last is what this turn follows.
            self.state = State::Waiting {
                next: self.cues.len(),
                since: Duration::ZERO,
            };
        }
        self.cues.push(cue);
    }

    /// Says what to do at `now`. Call it every 10 ms or so.
    pub fn tick(&mut self, now: Duration, seen: Observed) -> Action {
        match self.state {
            State::Over => Action::HangUp,
            State::Speaking { turn } => {
                if !seen.speaking {
                    self.state = State::Waiting {
                        next: turn + 1,
                        since: now,
                    };
                }
                Action::Wait
            }
            State::Waiting { next, since } => {
                if !self.cue_given(next, since, now, seen) {
                    return Action::Wait;
                }
                if next == self.cues.len() {
                    self.state = State::Over;
                    return Action::HangUp;
                }
                self.state = State::Speaking { turn: next };
                Action::Speak(next)
            }
        }
    }

    fn cue_given(&self, next: usize, since: Duration, now: Duration, seen: Observed) -> bool {
        let patience = if next == 0 {
            self.patience.greeting
        } else {
            self.patience.answer
        };
        let voice = seen.agent_voice.filter(|voice| voice.end > since);
        let Some(voice) = voice else {
            return now >= since + patience;
        };
        // After the last turn the caller hears the answer to its end.
        match self.cues.get(next).copied().unwrap_or(Cue::AgentDone) {
            Cue::AgentSpeakingFor(long) => voice.end.saturating_sub(voice.start.max(since)) >= long,
            Cue::AgentDone => {
                let quiet = now.saturating_sub(voice.end);
                match seen.agent_listening {
                    Some(true) => quiet >= self.patience.quiet_listening,
                    // Silent for this long while it reports speaking: something is wrong, go on.
                    Some(false) => quiet >= self.patience.answer,
                    None => quiet >= self.patience.quiet,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
