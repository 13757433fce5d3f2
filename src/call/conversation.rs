//! All state of a call, and what each thing that happens does to it. Decisions are the turn
//! machine's; here they are carried out.

mod before;
mod goodbye;
mod reply;
mod show;
mod tools;
mod transfer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::CallSpec;
use super::apology::Apology;
use super::chat::Chat;
use super::event::{CallEvent, CallId, CallOutcome, EndReason, Stage};
use super::journal::Journal;
use super::listen::{Heard, Listen, Outcome};
use super::nearness::is_said;
use super::playout::Playout;
use super::providers::{ProviderError, Providers};
use super::silence::{Due, Silence};
use super::speak::Item;
use super::speech_text::{Pronunciations, SpeechText};
use super::toolbox::{Persona, ToolNews};
use crate::audio::Pcm;
use crate::clock;
use crate::config::agent::AgentConfig;
use crate::transport::{AgentState, DisconnectReason, Floor, RoomCommand, RoomEvent};
use crate::turn::{Input, Output, ReplyId, Turn, TurnId, UserTurn};
use before::Before;
use reply::Reply;
use transfer::Transferring;

/// A room that takes no audio for this long is lost.
const SPEAKER_DEADLINE: Duration = Duration::from_secs(10);
/// A microphone that sends nothing for this long in mid-speech is gone: the sentence is over.
const MIC_DEADLINE: Duration = Duration::from_secs(1);
/// A drained call may finish what it is saying for this long.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// How long the end of a call waits for room to say that it leaves.
const LEAVE_DEADLINE: Duration = Duration::from_secs(2);

/// See the module's documentation. Fields the loop waits on are its own to borrow.
pub struct Conversation {
    id: CallId,
    agent: Arc<AgentConfig>,
    providers: Arc<dyn Providers>,
    /// Who may take over.
    team: Arc<[Persona]>,
    tool_news: mpsc::Sender<ToolNews>,
    /// Rounds of tools whose end is not known yet.
    pub tools_running: usize,
    commands: mpsc::Sender<RoomCommand>,
    items: mpsc::Sender<(ReplyId, Item)>,
    /// The record of the call.
    pub journal: Journal,
    begun: Instant,

    turn: Turn,
    wake: Option<Instant>,
    listen: Listen,
    chat: Chat,
    /// What the room is to hear.
    pub playout: Playout,
    reply: Option<Reply>,
    /// Said when a stage fails.
    pub apology: Apology,
    /// From written to spoken, at the start of a reply.
    speech_text: SpeechText,

    caller: Caller,
    greeted: bool,
    before: Before,
    state: AgentState,
    /// Words of the open turn that were shown, and are not settled.
    interim: Option<(TurnId, String)>,
    /// The turn that ended last, and its transcript.
    asked: Option<(UserTurn, Option<Transcribed>)>,
    transcribed: Option<Transcribed>,
    /// Since when audio waits for the room.
    waits_since: Option<Instant>,
    /// When the next frame of a speaking caller is overdue.
    mic_by: Option<Instant>,
    drain_by: Option<Instant>,
    /// A goodbye is being said, or was: when the call ends at the latest, and why.
    hang_up_at: Option<(Instant, EndReason)>,
    silence: Silence,
    /// A person is being called.
    transferring: Option<Transferring>,
    /// With push-to-talk: whether the key is down.
    key_down: Option<bool>,
    /// The caller asked not to be heard.
    unheard: bool,
    /// What the agent said last.
    said: String,
    /// The reply that asks whether anybody is there: it does not break the silence.
    asks: Option<ReplyId>,
    turns: u32,
    /// Why the call is over, once it is.
    pub ended: Option<EndReason>,
}

/// How long STT took for some words, and when they came.
#[derive(Debug, Clone, Copy)]
struct Transcribed {
    took: Duration,
    at: Instant,
}

/// Where the caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Expected { until: Instant },
    Here,
    Lost { until: Instant },
}

impl Conversation {
    /// A call that begins now, in a room without a caller.
    pub fn new(
        spec: CallSpec,
        persona: Persona,
        commands: mpsc::Sender<RoomCommand>,
        events: mpsc::Sender<CallEvent>,
        items: mpsc::Sender<(ReplyId, Item)>,
        heard: mpsc::Sender<Heard>,
        tool_news: mpsc::Sender<ToolNews>,
    ) -> Self {
        let CallSpec {
            id,
            team,
            vad,
            end_of_turn,
            ..
        } = spec;
        let Persona { agent, providers } = persona;
        let begun = clock::now();
        let mut this = Self {
            id,
            listen: Listen::new(vad, end_of_turn, &agent, Arc::clone(&providers), heard),
            chat: Chat::new(agent.system_prompt.clone()),
            turn: Turn::new(agent.turn.clone()),
            apology: Apology::new(agent.apology.clone()),
            speech_text: SpeechText::new(
                agent.language.as_deref(),
                Pronunciations::new(&agent.pronunciations),
            ),
            caller: Caller::Expected {
                until: begun + agent.limits.wait_for_caller,
            },
            journal: Journal::new(events, begun, clock::wall()),
            agent,
            providers,
            team: team.into(),
            tool_news,
            tools_running: 0,
            commands,
            items,
            begun,
            wake: None,
            playout: Playout::default(),
            reply: None,
            greeted: false,
            before: Before::default(),
            state: AgentState::Initializing,
            interim: None,
            asked: None,
            transcribed: None,
            waits_since: None,
            mic_by: None,
            drain_by: None,
            hang_up_at: None,
            silence: Silence::default(),
            transferring: None,
            key_down: None,
            unheard: false,
            said: String::new(),
            asks: None,
            turns: 0,
            ended: None,
        };
        this.show_state();
        this
    }

    // --- what happens ---

    /// The next 10 ms of the caller's microphone.
    pub fn heard(&mut self, frame: &Pcm<16_000>) {
        if !self.greeted {
            self.before.heard(frame);
        }
        let is_meant = self.key_down != Some(false) && !self.unheard;
        if self.caller == Caller::Here && self.drain_by.is_none() && is_meant {
            let now = clock::now();
            let input = self.listen.push(now, frame);
            self.mic_by = self.listen.is_speaking().then(|| now + MIC_DEADLINE);
            if let Some(input) = input {
                self.input(input);
                self.words_ahead();
            }
        }
    }

    fn words_ahead(&mut self) {
        if let Some(words) = self.listen.words_ahead() {
            self.words(words);
        }
    }

    /// No more comes from the microphone for now.
    pub fn mic_paused(&mut self) {
        self.mic_by = None;
        if let Some(input) = self.listen.pause(clock::now()) {
            self.input(input);
            self.words_ahead();
        }
    }

    /// A model has judged what the caller said.
    pub fn judged(&mut self, heard: Heard) {
        match heard {
            Heard::Words(words) => {
                if let Some(outcome) = self.listen.transcribed(words) {
                    self.words(outcome);
                }
            }
            Heard::EndOfTurn {
                voiced_to,
                probability,
            } => {
                if let Some(input) = self.listen.end_of_turn(voiced_to, probability) {
                    self.input(input);
                }
            }
        }
    }

    fn words(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Words {
                text,
                is_final,
                took,
            } => {
                let at = clock::now();
                self.transcribed = Some(Transcribed { took, at });
                let text = self.without_echo(text);
                if let Some(turn) = self.turn.open_turn().filter(|_| !text.is_empty()) {
                    let interim = Some((turn, text.clone()));
                    if self.interim != interim {
                        self.show_caller(turn, &text, false);
                        self.interim = interim;
                    }
                }
                self.input(Input::Transcript { text, is_final });
            }
            Outcome::Failed(error) => {
                self.report(error);
                self.input(Input::TranscriptFailed);
            }
        }
    }

    /// Words of the agent's own that came back through the microphone are nobody's words.
    fn without_echo(&self, text: String) -> String {
        let said = self.playout.heard();
        let said = if said.is_empty() { &self.said } else { &said };
        if !self.listen.is_near() && is_said(&text, said) {
            return String::new();
        }
        text
    }

    /// Something happened in the room.
    pub fn room_event(&mut self, event: RoomEvent) {
        match event {
            RoomEvent::CallerJoined {
                identity,
                name,
                attributes,
            } => {
                let at = self.journal.offset(clock::now());
                self.meet(&identity, &name, &attributes);
                self.journal.push(CallEvent::CallerJoined { at, identity });
                self.caller = Caller::Here;
                if std::mem::replace(&mut self.greeted, true) {
                    self.input(Input::UserReturned);
                } else {
                    self.greet();
                }
            }
            RoomEvent::SaidBefore(sound) => self.before.recorded(sound),
            RoomEvent::CallerLeft { reason } => self.caller_left(reason),
            RoomEvent::Chat { text } => {
                if !text.trim().is_empty() && self.drain_by.is_none() {
                    self.transcribed = None;
                    self.input(Input::UserText(text.trim().to_owned()));
                }
            }
            RoomEvent::Say { text } => self.input(Input::Say {
                text,
                interruptible: true,
            }),
            RoomEvent::Floor(floor) => {
                // The key takes the microphone's place: what is said without it is not meant.
                self.key_down = Some(floor == Floor::Taken);
                if floor != Floor::Taken {
                    self.mic_paused();
                }
                self.input(match floor {
                    Floor::Taken => Input::FloorTaken,
                    Floor::Given => Input::FloorGiven,
                    Floor::Dropped => Input::FloorDropped,
                });
            }
            RoomEvent::MicMuted(muted) => {
                let at = self.journal.offset(clock::now());
                self.journal.push(CallEvent::CallerMuted { at, muted });
                if muted {
                    self.mic_paused();
                }
            }
            RoomEvent::Unheard(unheard) => {
                self.unheard = unheard;
                if unheard {
                    self.mic_paused();
                }
                self.watch_silence(clock::now());
            }
            RoomEvent::Closed { reason } => {
                self.ended = Some(match reason {
                    DisconnectReason::RoomDeleted | DisconnectReason::RoomClosed => {
                        EndReason::RoomClosed
                    }
                    _ => EndReason::ConnectionLost,
                });
            }
        }
    }

    fn caller_left(&mut self, reason: DisconnectReason) {
        match reason {
            DisconnectReason::ClientInitiated => self.ended = Some(EndReason::CallerHungUp),
            DisconnectReason::UserRejected => self.ended = Some(EndReason::CallerRejected),
            DisconnectReason::RoomDeleted => self.ended = Some(EndReason::RoomClosed),
            _ => {
                let until = clock::now() + self.agent.limits.reconnect_grace;
                self.caller = Caller::Lost { until };
                self.input(Input::UserLeft);
                self.mic_by = None;
                // A client that starts anew shows its microphone as on.
                self.unheard = false;
                self.listen.pause(clock::now());
                self.listen.forget();
                // An answer after the caller is back has no latency worth the name.
                self.asked = None;
            }
        }
    }

    /// A deadline has passed.
    pub fn deadline(&mut self) {
        let now = clock::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.wake) {
            self.input(Input::Timeout);
        }
        if due(self.mic_by) {
            self.mic_paused();
        }
        if due(self.dead_air_by()) {
            self.dead_air();
        }
        let reason = match self.caller {
            Caller::Expected { until } if until <= now => Some(EndReason::NoCaller),
            Caller::Lost { until } if until <= now => Some(EndReason::CallerLost),
            _ if due(self.hang_up_at.map(|(at, _)| at)) => self.hang_up_at.map(|(_, why)| why),
            _ if due(self.drain_by) => Some(EndReason::Drained),
            _ if due(self.waits_since.map(|since| since + SPEAKER_DEADLINE)) => {
                let message = format!("the room took no audio for {SPEAKER_DEADLINE:?}");
                self.report(ProviderError {
                    stage: Stage::Transport,
                    message,
                });
                Some(EndReason::ConnectionLost)
            }
            _ => None,
        };
        self.ended = self.ended.or(reason);
        if due(self.ends_by()) {
            self.say_goodbye(EndReason::MaxDuration);
        }
        match self.silence.due(now, &self.agent.silence) {
            Some(Due::Away) => self.caller_is_away(),
            Some(Due::HangUp) => self.say_goodbye(EndReason::CallerSilent),
            None => {}
        }
    }

    /// When [`Conversation::deadline`] wants to be called.
    pub fn next_deadline(&mut self) -> Instant {
        if !self.playout.is_ready() {
            self.waits_since = None;
        } else if self.waits_since.is_none() {
            self.waits_since = Some(clock::now());
        }
        let caller = match self.caller {
            Caller::Expected { until } | Caller::Lost { until } => Some(until),
            Caller::Here => None,
        };
        let waits = self.waits_since.map(|since| since + SPEAKER_DEADLINE);
        let all = [
            self.wake,
            caller,
            self.drain_by,
            self.hang_up_at.map(|(at, _)| at),
            self.ends_by(),
            self.silence.next(&self.agent.silence),
            waits,
            self.mic_by,
            self.dead_air_by(),
        ];
        all.into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| clock::now() + SPEAKER_DEADLINE)
    }

    fn ends_by(&self) -> Option<Instant> {
        let is_told = matches!(self.hang_up_at, Some((_, EndReason::MaxDuration)));
        let end = self.begun.checked_add(self.agent.limits.max_duration);
        end.filter(|_| !is_told)
    }

    /// The process wants to end: no new turn; what is being said may be finished.
    pub fn drain(&mut self) {
        self.drain_by = Some(clock::now() + DRAIN_DEADLINE);
        self.end_if_drained();
    }

    fn end_if_drained(&mut self) {
        let has_floor = self
            .reply
            .as_ref()
            .is_some_and(|reply| reply.committed_at.is_some());
        if self.drain_by.is_some() && !has_floor {
            self.ended = self.ended.or(Some(EndReason::Drained));
        }
    }

    // --- what the turn machine wants ---

    fn input(&mut self, input: Input) {
        let now = clock::now();
        self.turn.handle_input(now, input);
        loop {
            match self.turn.poll_output() {
                Output::StartReply {
                    id,
                    turn,
                    prompt,
                    speculative,
                } => {
                    self.start_reply(id, turn, prompt, speculative);
                }
                Output::CommitReply(id) => self.commit_reply(id, now),
                Output::CancelReply(_) => self.reply_over(true),
                Output::HoldPlayout => self.playout.hold(),
                Output::ReleasePlayout => self.playout.release(),
                Output::TurnEnded(turn) => self.turn_ended(turn),
                Output::CloseTurn(turn) => self.close_turn(turn),
                Output::Timeout(wake) => {
                    self.wake = wake;
                    break;
                }
            }
        }
        if self.turn.open_turn().is_none()
            && let Some(text) = self.before.take_greeting()
        {
            return self.input(Input::Say {
                text,
                interruptible: true,
            });
        }
        self.show_state();
        self.watch_silence(now);
        self.end_if_drained();
    }

    fn turn_ended(&mut self, turn: UserTurn) {
        self.before.is_answered();
        self.chat.user(turn.id, &turn.text);
        self.show_caller(turn.id, &turn.text, true);
        self.interim = None;
        if self
            .asked
            .as_ref()
            .is_none_or(|(last, _)| last.id != turn.id)
        {
            self.turns += 1;
        }
        self.journal.push(CallEvent::CallerTurn {
            turn_id: turn.id,
            text: turn.text.clone(),
            started_at: self.journal.offset(turn.started_at),
            ended_at: self.journal.offset(turn.ended_at),
        });
        self.asked = Some((turn, self.transcribed));
    }

    fn close_turn(&mut self, turn: TurnId) {
        self.listen.forget();
        // Words that were shown and came to nothing, such as a backchannel.
        if let Some((_, text)) = self.interim.take_if(|(id, _)| *id == turn) {
            self.show_caller(turn, &text, true);
        }
    }

    /// Ends the call.
    pub async fn leave(mut self, reason: EndReason) -> CallOutcome {
        self.reply_over(true);
        let duration = self.journal.offset(clock::now());
        self.journal.push(CallEvent::Ended {
            at: duration,
            reason,
        });
        let leave = self.commands.send(RoomCommand::Leave);
        // The room may be gone already; either way the call lets go of it now.
        tokio::time::timeout(LEAVE_DEADLINE, leave).await.ok();
        let events_lost = self.journal.flush().await;
        if events_lost > 0 {
            tracing::error!(call = %self.id, events_lost, "the stored call is incomplete");
        }
        CallOutcome {
            reason,
            duration,
            turns: self.turns,
            events_lost,
        }
    }
}
