//! The backend's hand: what a control plane tells the agent to do, and what becomes of it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::Conversation;
use super::transfer::Caused;
use crate::earlier::{INSTRUCT, MUTE, UNMUTE};
use crate::event::{EndReason, ToolCalled};
use crate::toolbox::TransferOrder;
use crate::transport::RoomCommand;
use sidetone_base::clock;
use sidetone_base::hand::{Command, Done, Order, Outcome, Refused};
use sidetone_config::tools::Action;
use sidetone_config::transfer::Transfer;
use sidetone_turn::{Input, Phase, ReplyId};

/// Orders whose outcome is remembered, for those that come again.
const REMEMBERED: usize = 64;
/// What may wait to be said.
const WAITING: usize = 8;
/// A call that ends without a sentence does so after this long, in which the agent still answers the order.
const LAST_WORD: Duration = Duration::from_millis(500);

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Hand {
    muted: bool,
    /// What is said as soon as nobody speaks, in order.
    waiting: VecDeque<Waiting>,
    /// Orders that were taken, oldest first.
    taken: VecDeque<(String, Outcome)>,
    /// A person who is called when this reply is over.
    then: Option<(ReplyId, TransferOrder, Caused)>,
}

/// Something that is to be said.
enum Waiting {
    /// These words, and then a person is called.
    Say {
        text: String,
        interruptible: bool,
        then: Option<Box<(TransferOrder, Caused)>>,
    },
    /// What the model makes of what it was told.
    SpeakUp,
}

impl Hand {
    /// Of an agent that goes on with a call in which it was muted, or was not.
    pub(super) fn after(muted: bool) -> Self {
        Self {
            muted,
            ..Self::default()
        }
    }

    /// Whether the agent neither hears nor speaks.
    pub(super) fn is_muted(&self) -> bool {
        self.muted
    }

    fn outcome(&self, id: &str) -> Option<Outcome> {
        let known = self.taken.iter().find(|(taken, _)| taken == id);
        known.map(|(_, outcome)| outcome.clone())
    }

    fn remember(&mut self, id: String, outcome: Outcome) {
        if self.taken.len() >= REMEMBERED {
            self.taken.pop_front();
        }
        self.taken.push_back((id, outcome));
    }

    fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.then = None;
    }
}

impl Conversation {
    /// An order of the backend's: done, once, and answered each time that it comes.
    pub(super) fn commanded(&mut self, Order { id, command }: Order) {
        let known = self.hand.outcome(&id);
        let outcome = known.unwrap_or_else(|| {
            tracing::info!(call = %self.id, ?command, order = id, "the backend sent a command");
            let done = self.obey(&id, command);
            let outcome = done.map_or_else(Outcome::Refused, Outcome::Done);
            self.hand.remember(id.clone(), outcome.clone());
            outcome
        });
        self.to_room.command(RoomCommand::Answer { id, outcome });
    }

    /// Does it, and says what has become of it.
    pub(super) fn obey(&mut self, id: &str, command: Command) -> Result<Done, Refused> {
        let is_ending = self.deadlines.is_draining() || self.deadlines.hangs_up().is_some();
        if is_ending {
            return match command {
                Command::End { .. } => Ok(Done::Ending),
                _ => Err(Refused::Ending),
            };
        }
        match command {
            Command::Say {
                text,
                interruptible,
            } => {
                self.may_speak()?;
                Ok(self.says(Waiting::Say {
                    text,
                    interruptible,
                    then: None,
                }))
            }
            Command::Instruct { text, answer } => {
                if answer {
                    self.may_speak()?;
                }
                if !self.chat.instruct(&text) {
                    return Err(Refused::Full);
                }
                self.record_order(id, INSTRUCT, json!({"text": text}));
                Ok(match answer {
                    true => self.says(Waiting::SpeakUp),
                    false => Done::Noted,
                })
            }
            Command::Mute {} => {
                if !self.caller.has_come() {
                    return Err(Refused::NobodyThere);
                }
                if !self.hand.muted {
                    self.mute();
                    self.record_order(id, MUTE, json!({}));
                }
                Ok(Done::Muted)
            }
            Command::Unmute {} => {
                if self.hand.muted {
                    self.hand.muted = false;
                    self.show_state();
                    self.watch_silence(clock::now());
                    self.record_order(id, UNMUTE, json!({}));
                }
                Ok(Done::Unmuted)
            }
            Command::HandOver { agent, text } => self.hand_over(id, agent, text),
            Command::PutThrough { person, text } => self.put_through(id, &person, text),
            Command::End { text } => {
                self.hand.muted = false;
                self.hand.forget_waiting();
                let can_hear = self.caller.is_here() && self.caller.mismatch().is_none();
                match text.filter(|_| can_hear) {
                    Some(text) => self.say_last(text, EndReason::AgentHungUp),
                    None => {
                        let at = clock::now() + LAST_WORD;
                        self.deadlines.hang_up_at(at, EndReason::AgentHungUp);
                    }
                }
                Ok(Done::Ending)
            }
        }
    }

    /// Whether the agent can say something that somebody hears.
    fn may_speak(&self) -> Result<(), Refused> {
        if self.caller.mismatch().is_some() {
            Err(Refused::Encrypted)
        } else if !self.caller.is_here() {
            Err(Refused::NobodyThere)
        } else if self.hand.muted {
            Err(Refused::Muted)
        } else if self.hand.waiting.len() >= WAITING {
            Err(Refused::Full)
        } else {
            Ok(())
        }
    }

    /// Says it at once, or as soon as nobody speaks.
    fn says(&mut self, waiting: Waiting) -> Done {
        self.hand.waiting.push_back(waiting);
        self.say_what_waits();
        match self.hand.waiting.is_empty() {
            true => Done::Speaking,
            false => Done::Waiting,
        }
    }

    /// Says the next of what waits, if nobody speaks, and calls the person who was announced to the caller. True
    /// when something is said now.
    pub(super) fn say_what_waits(&mut self) -> bool {
        let told = self
            .hand
            .then
            .take_if(|(reply, ..)| !self.replies.is_live(*reply));
        if let Some((reply, order, caused)) = told
            && self.caller.is_here()
        {
            self.transfer(reply, order, caused);
        }
        let is_free = self.turn.phase() == Phase::Listening && self.turn.open_turn().is_none();
        let is_ending = self.deadlines.is_draining() || self.deadlines.hangs_up().is_some();
        if !is_free || is_ending || !self.caller.is_here() {
            return false;
        }
        let Some(next) = self.hand.waiting.pop_front() else {
            return false;
        };
        match next {
            Waiting::Say {
                text,
                interruptible,
                then,
            } => {
                let reply = self.turn.next_reply();
                self.hand.then = then.map(|promised| (reply, promised.0, promised.1));
                self.input(Input::Say {
                    text,
                    interruptible,
                });
            }
            Waiting::SpeakUp => self.input(Input::SpeakUp),
        }
        true
    }

    /// What is being said ends, and nothing that the caller says, writes or presses counts.
    fn mute(&mut self) {
        self.hand.forget_waiting();
        self.hand.muted = true;
        self.keys.forget();
        self.deadlines.microphone_paused();
        self.input(Input::Muted);
        self.listen.pause(clock::now());
        self.listen.forget();
        self.asked.forget();
    }

    fn hand_over(
        &mut self,
        id: &str,
        agent: String,
        text: Option<String>,
    ) -> Result<Done, Refused> {
        if text.is_some() {
            self.may_speak()?;
        }
        if self.cast.agent().name != agent {
            let team = self.cast.team();
            let Some(next) = team.iter().find(|next| next.agent.name == agent).cloned() else {
                let names = team.iter().map(|known| known.agent.name.clone());
                return Err(Refused::Unknown(names.collect()));
            };
            let arguments = json!({"agent": agent});
            // Under the tool's own name: an agent that takes the call over goes on as this one.
            self.record_order(id, "handoff", arguments);
            self.handed_to(next);
        }
        if let Some(text) = text {
            self.says(Waiting::Say {
                text,
                interruptible: true,
                then: None,
            });
        }
        Ok(Done::HandedOver)
    }

    fn put_through(
        &mut self,
        id: &str,
        person: &str,
        text: Option<String>,
    ) -> Result<Done, Refused> {
        let named = self.transfers();
        let Some((transfer, target)) = named.and_then(|all| Some((all, all.find(person)?))) else {
            let targets = named.into_iter().flat_map(|all| &all.targets);
            return Err(Refused::Unknown(targets.map(|t| t.name.clone()).collect()));
        };
        let order = TransferOrder::of(transfer, target);
        let is_promised = |waiting: &Waiting| matches!(waiting, Waiting::Say { then: Some(_), .. });
        if self.work.transfer().is_some()
            || self.hand.then.is_some()
            || self.hand.waiting.iter().any(is_promised)
        {
            return Err(Refused::PersonCalled);
        }
        let caused = Caused::ByOrder(id.to_owned());
        match text {
            Some(text) => {
                self.may_speak()?;
                // Who talks over it has not refused to be put through.
                self.says(Waiting::Say {
                    text,
                    interruptible: false,
                    then: Some(Box::new((order, caused))),
                });
            }
            None if !self.caller.is_here() => return Err(Refused::NobodyThere),
            None => self.transfer(self.last_reply(), order, caused),
        }
        Ok(Done::Calling)
    }

    /// The persons whom the agent's file names.
    fn transfers(&self) -> Option<&Transfer> {
        let tools = self.cast.agent().tools.iter();
        tools.into_iter().find_map(|tool| match &tool.action {
            Action::Transfer(transfer) => Some(transfer),
            _ => None,
        })
    }

    /// Of what a command did, the call's record says as much as of a tool's run.
    fn record_order(&mut self, id: &str, name: &str, arguments: Value) {
        let at = self.record.offset(clock::now());
        self.record.tool(ToolCalled {
            reply_id: self.last_reply(),
            agent: self.cast.agent().name.clone(),
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_string(),
            result: Ok("carried out".into()),
            started_at: at,
            took: Duration::ZERO,
        });
    }

    fn last_reply(&self) -> ReplyId {
        ReplyId(self.turn.next_reply().0.saturating_sub(1))
    }
}

/// Whether a muted agent passes this over: it would have it speak, or hear.
pub(super) fn is_passed_over(input: &Input) -> bool {
    matches!(
        input,
        Input::Say { .. }
            | Input::SpeakUp
            | Input::Resume { .. }
            | Input::UserText(_)
            | Input::KeyPressed
            | Input::FloorTaken
            | Input::FloorGiven
            | Input::FloorDropped
            | Input::SpeechStarted { .. }
    )
}
