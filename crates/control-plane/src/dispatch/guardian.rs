//! The dispatch guardian, pure: is an agent in the room where one was asked for?
//!
//! LiveKit's open-source server drops a job when no worker is free and never dispatches a dead
//! worker's jobs again, so whoever asked has to look, and ask again. Rules: nothing is asked for
//! before a look at the room has shown that no agent is there (never two at once); a worker that
//! said yes gets longer to appear; after `limit` askings the call is given up, with the reason.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Patience and persistence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardianConfig {
    /// Time for an agent to come before the room is looked at.
    pub patience: Duration,
    /// The same, when a worker has taken the job.
    pub patience_taken: Duration,
    /// Askings before a call is given up.
    pub limit: u32,
}

impl Default for GuardianConfig {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(2),
            patience_taken: Duration::from_secs(10),
            limit: 6,
        }
    }
}

/// What a look at a room has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An agent is there.
    Agent,
    /// No agent; whether a worker has taken the job, and whether a person is there.
    NoAgent {
        /// A worker said yes to the last asking.
        taken: bool,
        /// Somebody waits.
        people: bool,
    },
    /// LiveKit knows no such room.
    NoRoom,
    /// LiveKit did not answer.
    Unknown(String),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An agent is wanted. Nothing happens where one is wanted already.
    Wanted(String),
    /// An agent was asked for by somebody else (another process, an earlier life of this one).
    Adopted(String),
    /// The asking of [`Output::Ask`] was taken, or not.
    Asked(String, Result<(), String>),
    /// What [`Output::Look`] has shown.
    Looked(String, Sight),
    /// An agent came into a room.
    AgentJoined(String),
    /// An agent left a room.
    AgentLeft(String),
    /// No agent is wanted any more: the call is over.
    Over(String),
    /// The time of the last [`Output::Timeout`] has come.
    Timeout,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Withdraw the earlier asking, if there was one, and ask LiveKit for an agent.
    Ask {
        /// Where.
        room: String,
        /// First, second, …
        attempt: u32,
    },
    /// Look who is in the room.
    Look(String),
    /// An agent is there.
    Present(String),
    /// No agent came: fail the call with this reason.
    GiveUp(String, String),
    /// Nothing more now; call with [`Input::Timeout`] at this time.
    Timeout(Option<Instant>),
}

#[derive(Debug)]
enum Phase {
    /// An asking is on its way.
    Asking,
    /// Asked; the room is looked at then.
    Waiting { until: Instant },
    /// Somebody is looking.
    Looking,
    /// The agent is there.
    Present,
}

#[derive(Debug)]
struct Watch {
    phase: Phase,
    /// Askings since an agent was last seen.
    attempts: u32,
    /// When the last asking was taken.
    asked_at: Instant,
    /// An agent has been there.
    seen: bool,
    /// What went wrong last.
    trouble: Option<String>,
}

/// All rooms where an agent is wanted.
#[derive(Debug)]
pub struct Guardian {
    config: GuardianConfig,
    watches: BTreeMap<String, Watch>,
    outputs: VecDeque<Output>,
}

impl Guardian {
    /// Watches no room yet.
    pub fn new(config: GuardianConfig) -> Self {
        Self {
            config,
            watches: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Wanted(room) => {
                if !self.watches.contains_key(&room) {
                    let watch = Watch {
                        phase: Phase::Asking,
                        attempts: 0,
                        asked_at: now,
                        seen: false,
                        trouble: None,
                    };
                    self.watches.insert(room.clone(), watch);
                    self.ask(&room);
                }
            }
            Input::Adopted(room) => {
                self.watches.entry(room).or_insert(Watch {
                    phase: Phase::Waiting {
                        until: now + self.config.patience,
                    },
                    attempts: 1,
                    asked_at: now,
                    seen: false,
                    trouble: None,
                });
            }
            Input::Asked(room, result) => self.asked(now, &room, result),
            Input::Looked(room, sight) => self.looked(now, &room, sight),
            Input::AgentJoined(room) => self.present(&room),
            Input::AgentLeft(room) => {
                if let Some(watch) = self.watches.get_mut(&room)
                    && matches!(watch.phase, Phase::Present)
                {
                    watch.phase = Phase::Waiting {
                        until: now + self.config.patience,
                    };
                    watch.asked_at = now;
                }
            }
            Input::Over(room) => {
                self.watches.remove(&room);
            }
            Input::Timeout => {
                for (room, watch) in &mut self.watches {
                    if matches!(watch.phase, Phase::Waiting { until } if until <= now) {
                        watch.phase = Phase::Looking;
                        self.outputs.push_back(Output::Look(room.clone()));
                    }
                }
            }
        }
    }

    /// The next thing to do; ends with [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| {
            let deadlines = self.watches.values().filter_map(|watch| match watch.phase {
                Phase::Waiting { until } => Some(until),
                _ => None,
            });
            Output::Timeout(deadlines.min())
        })
    }

    fn ask(&mut self, room: &str) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        if watch.attempts >= self.config.limit {
            let cause = watch.trouble.take().unwrap_or_else(|| {
                "no worker took the job; is a worker running, and below its load limit?".into()
            });
            let reason = format!("no agent came after {} askings: {cause}", watch.attempts);
            self.watches.remove(room);
            self.outputs
                .push_back(Output::GiveUp(room.to_owned(), reason));
            return;
        }
        watch.attempts += 1;
        watch.phase = Phase::Asking;
        let attempt = watch.attempts;
        self.outputs.push_back(Output::Ask {
            room: room.to_owned(),
            attempt,
        });
    }

    fn asked(&mut self, now: Instant, room: &str, result: Result<(), String>) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        // An agent may have come while the answer was on its way.
        if matches!(watch.phase, Phase::Asking) {
            watch.trouble = result.err();
            watch.asked_at = now;
            watch.phase = Phase::Waiting {
                until: now + self.config.patience,
            };
        }
    }

    fn looked(&mut self, now: Instant, room: &str, sight: Sight) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        if !matches!(watch.phase, Phase::Looking) {
            return;
        }
        let later = Phase::Waiting {
            until: now + self.config.patience,
        };
        match sight {
            Sight::Agent => self.present(room),
            Sight::Unknown(trouble) => {
                // A server that cannot be seen counts against the limit, or a call would hang.
                watch.trouble = Some(trouble);
                watch.attempts += 1;
                watch.phase = later;
                if watch.attempts >= self.config.limit {
                    self.ask(room);
                }
            }
            Sight::NoAgent { taken: true, .. }
                if now < watch.asked_at + self.config.patience_taken =>
            {
                watch.phase = later;
            }
            // It was there, and nobody is left to talk to: the call is over.
            Sight::NoRoom | Sight::NoAgent { people: false, .. } if watch.seen => {
                self.watches.remove(room);
            }
            Sight::NoAgent { taken, .. } => {
                if taken {
                    watch.trouble = Some("a worker took the job but did not join the room".into());
                }
                self.ask(room);
            }
            Sight::NoRoom => self.ask(room),
        }
    }

    fn present(&mut self, room: &str) {
        if let Some(watch) = self.watches.get_mut(room)
            && !matches!(watch.phase, Phase::Present)
        {
            watch.phase = Phase::Present;
            watch.attempts = 0;
            watch.seen = true;
            watch.trouble = None;
            self.outputs.push_back(Output::Present(room.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests;
