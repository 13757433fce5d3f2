//! The dispatch guardian, pure: is an agent in the room where one was asked for?
//!
//! LiveKit's open-source server drops a job when no worker is free and never dispatches a dead
//! worker's jobs again, so somebody has to look, and ask again. Rules: nothing is asked for
//! before a look at the room has shown that no agent is there (never two at once); a worker that
//! said yes gets longer to appear, an agent in the room longer still to publish its voice; a room
//! with its agent is looked at again for as long as the call lasts, because events get lost; after
//! `limit` askings the call is given up, with the reason. An agent whose worker is silent is asked whether
//! it lives; one that does not answer is replaced at once.

mod suspicion;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use suspicion::spread;

pub use suspicion::Verdict;

/// Patience and persistence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardianConfig {
    /// Time for an agent to come before the room is looked at.
    pub patience: Duration,
    /// The same, when a worker has taken the job.
    pub patience_taken: Duration,
    /// The same, when the agent is in the room and has not published its voice: it may be looking
    /// something up before it greets.
    pub patience_silent: Duration,
    /// Time between two looks at a room whose agent is there.
    pub look_again: Duration,
    /// Askings before a call is given up.
    pub limit: u32,
    /// An agent whose worker was not heard of for so long is asked whether it lives.
    pub suspect_after: Duration,
    /// One that does not answer is replaced when its worker was not heard of for so long: as it takes to
    /// be suspected and asked, so that a beat in the meantime counts.
    pub silence: Duration,
    /// Time between two looks for silent workers.
    pub observe_every: Duration,
    /// Time in which an agent that lives answers.
    pub answers_within: Duration,
    /// For so long after an agent has answered, its worker's silence is its own affair.
    pub spare: Duration,
    /// Rooms are asked again for up to so much later, each at its own time: a dead worker leaves many.
    pub spread: Duration,
}

impl Default for GuardianConfig {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(2),
            patience_taken: Duration::from_secs(10),
            patience_silent: Duration::from_secs(20),
            look_again: Duration::from_secs(5),
            limit: 6,
            suspect_after: Duration::from_secs(1),
            silence: Duration::from_millis(1_500),
            observe_every: Duration::from_millis(500),
            answers_within: Duration::from_millis(500),
            spare: Duration::from_secs(2),
            spread: Duration::from_millis(500),
        }
    }
}

/// What a look at a room has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An agent is there, with its voice.
    Agent,
    /// An agent is there, or on its way in, without a voice.
    Silent,
    /// Another process has looked just now.
    Elsewhere,
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
    /// An agent is wanted where none was, by the store's word: what was known of the room is old.
    Wanted(String),
    /// An agent was asked for by somebody else (another process, an earlier life of this one); and
    /// whether it has been there.
    Adopted(String, bool),
    /// The asking of [`Output::Ask`] was taken, or not.
    Asked(String, Result<(), String>),
    /// What [`Output::Look`] has shown.
    Looked(String, Sight),
    /// An agent came into a room.
    AgentJoined(String),
    /// An agent left a room.
    AgentLeft(String),
    /// The worker of a room's agent is silent, or the agent says that it is lost: the agent of this epoch.
    Suspected(String, i64),
    /// What [`Output::Confirm`] has shown.
    Confirmed(String, Verdict),
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
        /// The epoch of an agent that was found dead: nothing is asked for when it is not the last one.
        instead_of: Option<i64>,
    },
    /// Look who is in the room.
    Look(String),
    /// Look whether the agent is still in the room, unless another process has just looked.
    Check(String),
    /// Ask the agent of this epoch whether it lives.
    Confirm(String, i64),
    /// An agent is there.
    Present(String),
    /// The agent was there, and nobody is left to talk to: the row ends.
    Ended(String),
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
    /// The agent is there; the room is looked at again then.
    Present { until: Instant },
    /// Somebody is looking whether the agent is still there.
    Checking,
    /// The agent of this epoch is being asked whether it lives.
    Confirming { epoch: i64 },
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
    /// It answered not long ago: not asked again before.
    spared_until: Instant,
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
                let watch = Watch {
                    phase: Phase::Asking,
                    attempts: 0,
                    asked_at: now,
                    seen: false,
                    spared_until: now,
                    trouble: None,
                };
                self.watches.insert(room.clone(), watch);
                self.ask(&room, None);
            }
            Input::Adopted(room, seen) => self.adopt(now, room, seen),
            Input::Asked(room, result) => self.asked(now, &room, result),
            Input::Looked(room, sight) => self.looked(now, &room, sight),
            Input::AgentJoined(room) => self.present(now, &room),
            Input::AgentLeft(room) => self.missed(now, &room),
            Input::Suspected(room, epoch) => self.suspected(now, room, epoch),
            Input::Confirmed(room, verdict) => self.confirmed(now, &room, verdict),
            Input::Over(room) => {
                self.watches.remove(&room);
            }
            Input::Timeout => {
                for (room, watch) in &mut self.watches {
                    let (phase, output) = match watch.phase {
                        Phase::Waiting { until } if until <= now => {
                            (Phase::Looking, Output::Look(room.clone()))
                        }
                        Phase::Present { until } if until <= now => {
                            (Phase::Checking, Output::Check(room.clone()))
                        }
                        _ => continue,
                    };
                    watch.phase = phase;
                    self.outputs.push_back(output);
                }
            }
        }
    }

    /// The next thing to do; ends with [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| {
            let deadlines = self.watches.values().filter_map(|watch| match watch.phase {
                Phase::Waiting { until } | Phase::Present { until } => Some(until),
                Phase::Asking | Phase::Looking | Phase::Checking | Phase::Confirming { .. } => None,
            });
            Output::Timeout(deadlines.min())
        })
    }

    /// Whether there is a room to watch over.
    pub fn is_watching(&self) -> bool {
        !self.watches.is_empty()
    }

    fn adopt(&mut self, now: Instant, room: String, seen: bool) {
        let until = now + self.config.patience;
        self.watches.entry(room).or_insert(Watch {
            phase: Phase::Waiting { until },
            attempts: 1,
            asked_at: now,
            seen,
            spared_until: now,
            trouble: None,
        });
    }

    fn ask(&mut self, room: &str, instead_of: Option<i64>) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        if watch.attempts >= self.config.limit {
            let cause = watch.trouble.take().unwrap_or_else(|| {
                "no worker took the job; is a worker running, and below its load limit?".into()
            });
            let reason = format!(
                "no agent joined after {} dispatch attempts: {cause}",
                watch.attempts
            );
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
            instead_of,
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
                until: now
                    + self.config.patience
                    + spread(room, watch.attempts, self.config.spread),
            };
        }
    }

    fn looked(&mut self, now: Instant, room: &str, sight: Sight) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        match watch.phase {
            Phase::Looking => self.looked_for(now, room, sight),
            Phase::Checking => match sight {
                Sight::NoAgent { .. } | Sight::NoRoom | Sight::Silent => self.missed(now, room),
                // A server that cannot be seen says nothing of the agent.
                Sight::Agent | Sight::Elsewhere | Sight::Unknown(_) => {
                    watch.phase = Phase::Present {
                        until: now + self.config.look_again,
                    };
                }
            },
            Phase::Asking
            | Phase::Waiting { .. }
            | Phase::Present { .. }
            | Phase::Confirming { .. } => {}
        }
    }

    /// What a look for an agent that was not there has shown.
    fn looked_for(&mut self, now: Instant, room: &str, sight: Sight) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        let later = Phase::Waiting {
            until: now + self.config.patience,
        };
        match sight {
            Sight::Agent => self.present(now, room),
            Sight::Unknown(trouble) => {
                // A server that cannot be seen counts against the limit, or a call would hang.
                watch.trouble = Some(trouble);
                watch.attempts += 1;
                watch.phase = later;
                if watch.attempts >= self.config.limit {
                    self.ask(room, None);
                }
            }
            Sight::Elsewhere => watch.phase = later,
            Sight::NoAgent { taken: true, .. }
                if now < watch.asked_at + self.config.patience_taken =>
            {
                watch.phase = later;
            }
            Sight::Silent if now < watch.asked_at + self.config.patience_silent => {
                watch.phase = later;
            }
            // It was there, and nobody is left to talk to: the call is over.
            Sight::NoRoom | Sight::NoAgent { people: false, .. } if watch.seen => {
                self.watches.remove(room);
                self.outputs.push_back(Output::Ended(room.to_owned()));
            }
            Sight::NoAgent { taken, .. } => {
                if taken {
                    watch.trouble = Some("a worker took the job but did not join the room".into());
                }
                self.ask(room, None);
            }
            Sight::Silent => {
                watch.trouble = Some("an agent joined but published no voice".into());
                self.ask(room, None);
            }
            Sight::NoRoom => self.ask(room, None),
        }
    }

    fn present(&mut self, now: Instant, room: &str) {
        if let Some(watch) = self.watches.get_mut(room)
            && !matches!(watch.phase, Phase::Present { .. } | Phase::Checking)
        {
            watch.phase = Phase::Present {
                until: now + self.config.look_again,
            };
            watch.attempts = 0;
            watch.seen = true;
            watch.trouble = None;
            self.outputs.push_back(Output::Present(room.to_owned()));
        }
    }

    /// The agent that was there is not. Looked at once more before anything is asked: it may be on
    /// its way back.
    fn missed(&mut self, now: Instant, room: &str) {
        let patience = self.config.patience;
        if let Some(watch) = self.watches.get_mut(room)
            && matches!(watch.phase, Phase::Present { .. } | Phase::Checking)
        {
            watch.phase = Phase::Waiting {
                until: now + patience,
            };
            watch.asked_at = now;
        }
    }
}

#[cfg(test)]
mod tests;
