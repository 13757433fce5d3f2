//! The dispatch guardian, PURE: makes sure that a room has the agent that was dispatched to it.
//! LiveKit's open-source server drops a job when no worker is free, and never dispatches a dead worker's jobs again,
//! so the guardian has to look, and to dispatch again. Rules: it dispatches only after a look at the room has shown
//! that no agent is there (never two at once); an agent whose job a worker took gets longer to appear, and one in the
//! room longer still to publish its voice; a room with its agent is checked again for as long as the call lasts,
//! because events get lost; after `limit` dispatch attempts (more while a worker is known to have a place) the call is
//! given up, with the reason. An agent whose worker is silent is asked whether it lives; if it does not answer it is
//! replaced at once.

mod agenda;
mod events;
mod suspicion;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use agenda::Agenda;
use suspicion::spread;

pub use events::{Input, Output, Sight};
pub use suspicion::Verdict;

/// Timeouts and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardianConfig {
    /// How long an agent may take to join before the room is checked.
    pub patience: Duration,
    /// The same, if a worker has taken the job.
    pub patience_taken: Duration,
    /// The same, if the agent is in the room and has not published its voice: it may be looking something up before
    /// it greets.
    pub patience_silent: Duration,
    /// Time between two checks of a room whose agent is there.
    pub look_again: Duration,
    /// Dispatch attempts before a call is given up; three times as many while a worker has a free place.
    pub limit: u32,
    /// If an agent's worker was silent for this long, the agent is asked whether it lives.
    pub suspect_after: Duration,
    /// If the agent does not answer, it is replaced once its worker was silent for this long: long enough for
    /// suspicion and question, so that a heartbeat in the meantime counts.
    pub silence: Duration,
    /// Time between two searches for silent workers.
    pub observe_every: Duration,
    /// Time in which a live agent answers.
    pub answers_within: Duration,
    /// For this long after an agent has answered, its worker's silence is ignored.
    pub spare: Duration,
    /// Dispatches to several rooms are spread over up to this time, because a dead worker leaves many rooms.
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

#[derive(Debug)]
enum Phase {
    /// A dispatch is in flight.
    Asking,
    /// Dispatched; the room is checked at `until`.
    Waiting { until: Instant },
    /// A look at the room is in progress.
    Looking,
    /// The agent is there; the room is checked again at `until`.
    Present { until: Instant },
    /// A check whether the agent is still there is in progress.
    Checking,
    /// The agent of this epoch is being asked whether it lives.
    Confirming { epoch: i64 },
}

impl Phase {
    /// When it ends by itself.
    const fn until(&self) -> Option<Instant> {
        match self {
            Self::Waiting { until } | Self::Present { until } => Some(*until),
            Self::Asking | Self::Looking | Self::Checking | Self::Confirming { .. } => None,
        }
    }
}

#[derive(Debug)]
struct Watch {
    phase: Phase,
    /// Dispatch attempts since an agent was last seen.
    attempts: u32,
    /// When the last dispatch was accepted.
    asked_at: Instant,
    /// An agent has been there.
    seen: bool,
    /// Somebody else dispatched the agent: that this process does not see LiveKit says nothing about it.
    adopted: bool,
    /// The agent has answered recently: it is not asked again before this.
    spared_until: Instant,
    /// A worker had a free place when the room was last looked at.
    free: bool,
    /// The last error.
    trouble: Option<String>,
}

/// All rooms where an agent is needed.
#[derive(Debug)]
pub struct Guardian {
    config: GuardianConfig,
    watches: BTreeMap<String, Watch>,
    agenda: Agenda,
    outputs: VecDeque<Output>,
}

impl Guardian {
    /// Watches no room yet.
    pub fn new(config: GuardianConfig) -> Self {
        Self {
            config,
            watches: BTreeMap::new(),
            agenda: Agenda::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened at `now`.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        let room = input.room().map(str::to_owned);
        self.handle(now, input);
        if let Some(room) = room
            && let Some(watch) = self.watches.get(&room)
            && let Some(until) = watch.phase.until()
        {
            self.agenda.enter(until, &room);
        }
    }

    fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Wanted(room) => {
                let watch = Watch {
                    phase: Phase::Asking,
                    attempts: 0,
                    asked_at: now,
                    seen: false,
                    adopted: false,
                    spared_until: now,
                    free: false,
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
                while let Some(room) = self.agenda.due(now) {
                    let Some(watch) = self.watches.get_mut(&room) else {
                        continue;
                    };
                    let (phase, output) = match watch.phase {
                        Phase::Waiting { until } if until <= now => {
                            (Phase::Looking, Output::Look(room))
                        }
                        Phase::Present { until } if until <= now => {
                            (Phase::Checking, Output::Check(room))
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
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let watches = &self.watches;
        let stands = |at, room: &str| {
            let watch = watches.get(room);
            watch.and_then(|watch| watch.phase.until()) == Some(at)
        };
        Output::Timeout(self.agenda.next(stands))
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
            adopted: true,
            spared_until: now,
            free: false,
            trouble: None,
        });
    }

    fn ask(&mut self, room: &str, instead_of: Option<i64>) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        let limit = self.config.limit * if watch.free { 3 } else { 1 };
        if watch.attempts >= limit {
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
        // An agent may have joined while the response was on its way.
        if matches!(watch.phase, Phase::Asking) {
            watch.adopted &= result.is_err();
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
                // An unreachable server says nothing about the agent.
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

    /// The result of a look for an agent that was not there.
    fn looked_for(&mut self, now: Instant, room: &str, sight: Sight) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        let later = Phase::Waiting {
            until: now + self.config.patience,
        };
        match sight {
            Sight::Agent => self.present(now, room),
            // Where LiveKit can be seen from, its agent may be in the middle of the call.
            Sight::Unknown(trouble) if watch.seen || watch.adopted => {
                watch.trouble = Some(trouble);
                watch.phase = later;
            }
            Sight::Unknown(trouble) => {
                // An unreachable server counts against the limit; otherwise a call would hang.
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
            Sight::NoAgent { taken, free, .. } => {
                watch.free = free;
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
            watch.free = false;
            watch.seen = true;
            watch.trouble = None;
            self.outputs.push_back(Output::Present(room.to_owned()));
        }
    }

    /// The agent that was there is gone. The room is checked once more before a dispatch, because the agent may be on
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
