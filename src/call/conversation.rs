//! All state of a call, and what each thing that happens does to it. Decisions are the turn
//! machine's; here they are carried out.

mod before;
mod context;
mod dead_air;
mod deadlines;
mod goodbye;
mod reply;
mod room;
mod show;
mod tools;
mod transfer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::CallSpec;
use super::apology::Apology;
use super::chat::Chat;
use super::event::{CallEvent, CallId, CallOutcome, EndReason};
use super::journal::Journal;
use super::ledger::{Dropped, Ledger};
use super::listen::{Heard, Listen, Outcome};
use super::meter::Meter;
use super::nearness::is_said;
use super::playout::Playout;
use super::providers::Providers;
use super::silence::Silence;
use super::speak::Item;
use super::speech_text::{Pronunciations, SpeechText};
use super::toolbox::{Persona, ToolNews};
use crate::config::agent::AgentConfig;
use crate::transport::{AgentState, RoomCommand};
use before::Before;
use context::Context;
use reply::Reply;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_turn::{Input, Output, ReplyId, Turn, TurnId, UserTurn};
use transfer::Transferring;

/// A microphone that sends nothing for this long in mid-speech is gone: the sentence is over.
const MIC_DEADLINE: Duration = Duration::from_secs(1);
/// How long the end of a call waits for room to say that it leaves.
const LEAVE_DEADLINE: Duration = Duration::from_secs(2);

/// See the module's documentation. Fields the loop waits on are its own to borrow.
pub struct Conversation {
    id: CallId,
    agent: Arc<AgentConfig>,
    providers: Providers,
    /// Who may take over.
    team: Arc<[Persona]>,
    tool_news: mpsc::Sender<ToolNews>,
    /// Rounds of tools whose end is not known yet.
    pub tools_running: usize,
    commands: mpsc::Sender<RoomCommand>,
    items: mpsc::Sender<(ReplyId, Item)>,
    /// The record of the call.
    pub journal: Journal,
    /// What became of all that was said.
    ledger: Ledger,
    /// What was taken of providers.
    meter: Meter,
    begun: Instant,

    turn: Turn,
    wake: Option<Instant>,
    listen: Listen,
    chat: Chat,
    context: Context,
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
    /// The call is to end as soon as nothing is being said: by when, and why.
    drain_by: Option<(Instant, EndReason)>,
    /// A goodbye is being said, or was: when the call ends at the latest, and why.
    hang_up_at: Option<(Instant, EndReason)>,
    silence: Silence,
    /// A person is being called.
    transferring: Option<Transferring>,
    /// The caller asked not to be heard.
    unheard: bool,
    /// The caller's tracks are encrypted: only that is still said.
    encrypted: bool,
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
        commands: mpsc::Sender<RoomCommand>,
        events: mpsc::Sender<CallEvent>,
        items: mpsc::Sender<(ReplyId, Item)>,
        heard: mpsc::Sender<Heard>,
        tool_news: mpsc::Sender<ToolNews>,
    ) -> Self {
        let CallSpec {
            id,
            persona: Persona { agent, providers },
            team,
            vad,
            end_of_turn,
            meter,
        } = spec;
        let providers = meter.count(providers);
        let team: Vec<_> = team
            .into_iter()
            .map(|Persona { agent, providers }| Persona {
                agent,
                providers: meter.count(providers),
            })
            .collect();
        let begun = clock::now();
        let mut this = Self {
            id,
            listen: Listen::new(vad, end_of_turn, &agent, Arc::clone(&providers.stt), heard),
            chat: Chat::new(agent.system_prompt.clone()),
            context: Context::new(&agent),
            ledger: Ledger::default(),
            meter,
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
            unheard: false,
            encrypted: false,
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
        let is_meant = self.turn.key_down() != Some(false) && !self.unheard;
        if self.caller != Caller::Here || !is_meant {
            return;
        }
        if self.drain_by.is_some() {
            if !self.listen.is_speaking() && self.listen.is_speech_begun(frame) {
                self.ledger.refused(Dropped::Draining);
            }
        } else {
            let now = clock::now();
            let input = self.listen.push(now, frame, self.turn.open_turn());
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
                let has_words = !text.is_empty();
                let text = self.without_echo(text);
                if let Some(turn) = self.turn.open_turn() {
                    self.ledger.is_echo(turn, has_words && text.is_empty());
                }
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

    // --- what the turn machine wants ---

    fn input(&mut self, input: Input) {
        let now = clock::now();
        let open = self.turn.open_turn();
        let is_typed = matches!(input, Input::UserText(_));
        let begins = matches!(input, Input::SpeechStarted { .. });
        self.turn.handle_input(now, input);
        if let Some(turn) = self.turn.open_turn().filter(|_| begins) {
            self.ledger.opened(turn);
        }
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
                Output::TurnEnded(turn) => {
                    if is_typed && Some(turn.id) != open {
                        self.ledger.opened(turn.id);
                    }
                    self.turn_ended(turn);
                }
                Output::CloseTurn(turn, why) => {
                    self.ledger.closed(turn, why);
                    self.close_turn(turn);
                }
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
        self.ledger.over();
        self.tell_figures();
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
