//! All state of a call, and what each thing that happens does to it. Decisions are the turn
//! machine's; here they are carried out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::CallSpec;
use super::apology::Apology;
use super::chat::Chat;
use super::event::{AgentTurn, CallEvent, CallId, CallOutcome, EndReason, Latency, Stage};
use super::journal::Journal;
use super::listen::{Listen, Outcome, Transcribed};
use super::playout::Playout;
use super::providers::{ProviderError, Providers};
use super::speak::{self, Item, Out, Source};
use crate::audio::Pcm;
use crate::clock;
use crate::config::agent::AgentConfig;
use crate::transport::{AgentState, DisconnectReason, RoomCommand, RoomEvent, Segment, Speaker};
use crate::turn::{Input, Output, Phase, Prompt, ReplyId, Turn, TurnId, UserTurn};

/// A room that takes no audio for this long is lost.
const SPEAKER_DEADLINE: Duration = Duration::from_secs(10);
/// A drained call may finish what it is saying for this long.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// How long the end of a call waits for room to say that it leaves.
const LEAVE_DEADLINE: Duration = Duration::from_secs(2);

/// See the module's documentation. Fields the loop waits on are its own to borrow.
pub struct Conversation {
    id: CallId,
    agent: Arc<AgentConfig>,
    providers: Arc<dyn Providers>,
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

    caller: Caller,
    greeted: bool,
    state: AgentState,
    /// Words of the open turn that were shown, and are not settled.
    interim: Option<(TurnId, String)>,
    /// The turn that ended last, and how long STT took for it.
    asked: Option<(UserTurn, Option<Duration>)>,
    stt_took: Option<Duration>,
    /// Since when audio waits for the room.
    waits_since: Option<Instant>,
    drain_by: Option<Instant>,
    turns: u32,
    /// Why the call is over, once it is.
    pub ended: Option<EndReason>,
}

/// The live reply.
struct Reply {
    id: ReplyId,
    turn: Option<TurnId>,
    committed_at: Option<Instant>,
    asked_at: Option<Instant>,
    first_audio_at: Option<Instant>,
    /// First and last frame that went to the room.
    played: Option<(Instant, Instant)>,
    latency: Latency,
    sentences_heard: usize,
    segment_open: bool,
    failed: bool,
    _task: AbortOnDropHandle<()>,
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
        providers: Arc<dyn Providers>,
        commands: mpsc::Sender<RoomCommand>,
        events: mpsc::Sender<CallEvent>,
        items: mpsc::Sender<(ReplyId, Item)>,
        words: mpsc::Sender<Transcribed>,
    ) -> Self {
        let CallSpec { id, agent, vad } = spec;
        let begun = clock::now();
        let mut this = Self {
            id,
            listen: Listen::new(vad, &agent, Arc::clone(&providers), words),
            chat: Chat::new(agent.system_prompt.clone()),
            turn: Turn::new(agent.turn.clone()),
            apology: Apology::new(agent.apology.clone()),
            caller: Caller::Expected {
                until: begun + agent.limits.wait_for_caller,
            },
            journal: Journal::new(events, begun, clock::wall()),
            agent,
            providers,
            commands,
            items,
            begun,
            wake: None,
            playout: Playout::default(),
            reply: None,
            greeted: false,
            state: AgentState::Initializing,
            interim: None,
            asked: None,
            stt_took: None,
            waits_since: None,
            drain_by: None,
            turns: 0,
            ended: None,
        };
        this.show_state();
        this
    }

    // --- what happens ---

    /// The next 10 ms of the caller's microphone.
    pub fn heard(&mut self, frame: &Pcm<16_000>) {
        if self.caller == Caller::Here
            && self.drain_by.is_none()
            && let Some(input) = self.listen.push(clock::now(), frame)
        {
            self.input(input);
        }
    }

    /// No more comes from the microphone for now.
    pub fn mic_paused(&mut self) {
        if let Some(input) = self.listen.pause(clock::now()) {
            self.input(input);
        }
    }

    /// An STT request ended.
    pub fn transcribed(&mut self, result: Transcribed) {
        match self.listen.transcribed(result) {
            Some(Outcome::Words {
                text,
                is_final,
                took,
            }) => {
                self.stt_took = Some(took);
                if let Some(turn) = self.turn.open_turn().filter(|_| !text.is_empty()) {
                    self.show_caller(turn, &text, false);
                    self.interim = Some((turn, text.clone()));
                }
                self.input(Input::Transcript { text, is_final });
            }
            Some(Outcome::Failed(error)) => {
                self.report(error);
                self.input(Input::TranscriptFailed);
            }
            None => {}
        }
    }

    /// Something happened in the room.
    pub fn room_event(&mut self, event: RoomEvent) {
        match event {
            RoomEvent::CallerJoined { identity, .. } => {
                let at = self.journal.offset(clock::now());
                self.journal.push(CallEvent::CallerJoined { at, identity });
                self.caller = Caller::Here;
                if !std::mem::replace(&mut self.greeted, true) && !self.agent.greeting.is_empty() {
                    let text = self.agent.greeting.clone();
                    self.input(Input::Say {
                        text,
                        interruptible: true,
                    });
                } else {
                    self.apology.prepare(&self.providers, self.agent.limits.tts);
                    self.show_state();
                }
            }
            RoomEvent::CallerLeft { reason } => self.caller_left(reason),
            RoomEvent::Chat { text } => {
                if !text.trim().is_empty() && self.drain_by.is_none() {
                    self.stt_took = None;
                    self.input(Input::UserText(text.trim().to_owned()));
                }
            }
            RoomEvent::MicMuted(true) => self.mic_paused(),
            RoomEvent::MicMuted(false) => {}
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
                self.mic_paused();
                self.input(Input::UserLeft);
            }
        }
    }

    /// A piece of a reply.
    pub fn reply_item(&mut self, id: ReplyId, item: Item) {
        let Some(reply) = self.reply.as_mut().filter(|reply| reply.id == id) else {
            return;
        };
        match item {
            Item::FirstToken(took) => reply.latency.llm_first_token = Some(took),
            Item::FirstAudio(took) => {
                reply.latency.tts_first_byte = Some(took);
                reply.first_audio_at = Some(clock::now());
            }
            Item::Sentence(text) => self.playout.begin_sentence(id, text),
            Item::Audio(audio) => self.playout.push(id, &audio),
            Item::SentenceEnd => self.playout.end_sentence(id),
            Item::Notice(text) => {
                let id = self.segment_id("n", id.0);
                self.show(Segment {
                    who: Speaker::Agent,
                    id,
                    text,
                    is_final: true,
                });
            }
            Item::Finished => self.all_made(id),
            Item::Failed(error) => {
                reply.failed = true;
                self.report(error);
                self.all_made(id);
            }
        }
    }

    /// No more of the reply comes; what is there is still played.
    fn all_made(&mut self, id: ReplyId) {
        self.playout.finish(id);
        let nothing_to_play = self.playout.buffered().is_zero();
        if nothing_to_play && let Some(Reply { failed: true, .. }) = self.reply {
            self.reply_over(false);
            self.input(Input::ReplyFailed(id));
        } else {
            self.finish_if_done();
        }
    }

    /// A frame went to the room.
    pub fn played(&mut self) {
        let now = clock::now();
        self.waits_since = None;
        let Some(reply) = &mut self.reply else { return };
        let (id, is_first) = (reply.id, reply.played.is_none());
        reply.played = Some((reply.played.map_or(now, |(first, _)| first), now));
        if is_first {
            let ready = reply.first_audio_at.max(reply.committed_at);
            let since = |time: Instant| now.saturating_duration_since(time);
            reply.latency.playout = ready.map(since);
            reply.latency.response = reply.asked_at.map(since);
            self.input(Input::ReplyAudible(id));
            self.record_reply(false, false);
        }
        self.show_words();
        self.finish_if_done();
    }

    /// A deadline has passed.
    pub fn deadline(&mut self) {
        let now = clock::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.wake) {
            self.input(Input::Timeout);
        }
        let reason = match self.caller {
            Caller::Expected { until } if until <= now => Some(EndReason::NoCaller),
            Caller::Lost { until } if until <= now => Some(EndReason::CallerLost),
            _ if due(self.drain_by) => Some(EndReason::Drained),
            _ if due(self.ends_by()) => Some(EndReason::MaxDuration),
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
        let all = [self.wake, caller, self.drain_by, self.ends_by(), waits];
        all.into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| clock::now() + SPEAKER_DEADLINE)
    }

    fn ends_by(&self) -> Option<Instant> {
        self.begun.checked_add(self.agent.limits.max_duration)
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
        self.show_state();
        self.end_if_drained();
    }

    fn start_reply(&mut self, id: ReplyId, turn: Option<TurnId>, prompt: Prompt, ahead: bool) {
        let source = match prompt {
            Prompt::Answer(text) => Source::Chat(self.chat.messages(turn, &text)),
            Prompt::Say(text) => Source::Text(text),
            Prompt::Apology => Source::Apology {
                text: self.apology.text.clone(),
                audio: self.apology.audio(),
            },
        };
        let out = Out {
            id,
            items: self.items.clone(),
        };
        let providers = Arc::clone(&self.providers);
        let task = tokio::spawn(speak::reply(source, providers, self.agent.limits, out));
        self.playout.begin(id, false);
        self.reply = Some(Reply {
            id,
            turn,
            committed_at: None,
            asked_at: None,
            first_audio_at: None,
            played: None,
            latency: Latency::default(),
            sentences_heard: 0,
            segment_open: false,
            failed: false,
            _task: AbortOnDropHandle::new(task),
        });
        if !ahead {
            self.commit_reply(id, clock::now());
        }
    }

    fn commit_reply(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.reply.as_mut().filter(|reply| reply.id == id) else {
            return;
        };
        reply.committed_at = Some(now);
        if let Some((turn, stt)) = &self.asked
            && reply.turn == Some(turn.id)
        {
            reply.asked_at = Some(turn.ended_at);
            reply.latency.stt = *stt;
            // Typed words end when they come: there is no wait to measure.
            reply.latency.endpointing = stt.map(|_| now.saturating_duration_since(turn.ended_at));
        }
        self.playout.open(id);
        self.finish_if_done();
    }

    fn turn_ended(&mut self, turn: UserTurn) {
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
        self.asked = Some((turn, self.stt_took));
    }

    fn close_turn(&mut self, turn: TurnId) {
        self.listen.forget();
        // Words that were shown and came to nothing, such as a backchannel.
        if let Some((_, text)) = self.interim.take_if(|(id, _)| *id == turn) {
            self.show_caller(turn, &text, true);
        }
    }

    // --- the reply on its way out ---

    fn finish_if_done(&mut self) {
        if !self.playout.is_done() {
            return;
        }
        let Some(Reply { id, failed, .. }) = self.reply else {
            return;
        };
        self.reply_over(false);
        // The providers are idle now, and all that the caller waits for has been said.
        self.apology.prepare(&self.providers, self.agent.limits.tts);
        self.input(if failed {
            Input::ReplyFailed(id)
        } else {
            Input::ReplyFinished(id)
        });
    }

    /// Puts down what was heard of the live reply, for good, and lets it go.
    fn reply_over(&mut self, interrupted: bool) {
        self.show_words();
        self.record_reply(interrupted, true);
        if let Some(reply) = self.reply.take().filter(|reply| reply.segment_open) {
            self.show_agent(reply.id, String::new(), true);
        }
        self.playout.clear();
    }

    fn show_words(&mut self) {
        let Some(words) = self.playout.take_words() else {
            return;
        };
        let Some(reply) = &mut self.reply else { return };
        reply.segment_open = true;
        let id = reply.id;
        self.show_agent(id, words, false);
        self.chat.agent(id, &self.playout.heard(), false);
        let sentences = self.playout.sentences_heard();
        if let Some(reply) = &mut self.reply
            && sentences > std::mem::replace(&mut reply.sentences_heard, sentences)
            && !self.playout.is_done()
        {
            self.record_reply(false, false);
        }
    }

    /// Puts down what was heard of the live reply up to now; nothing if nothing was.
    fn record_reply(&mut self, interrupted: bool, is_final: bool) {
        let Some(reply) = &self.reply else { return };
        let Some((first, last)) = reply.played else {
            return;
        };
        let text_heard = self.playout.heard();
        self.chat.agent(reply.id, &text_heard, interrupted);
        self.journal.push(CallEvent::AgentTurn(AgentTurn {
            reply_id: reply.id,
            turn_id: reply.turn,
            started_at: self.journal.offset(first),
            ended_at: self.journal.offset(last),
            text_heard,
            interrupted,
            is_final,
            latency: reply.latency,
        }));
    }

    // --- what others see ---

    fn show_state(&mut self) {
        let state = match (self.caller, self.turn.phase()) {
            (Caller::Expected { .. } | Caller::Lost { .. }, _) => AgentState::Idle,
            (_, Phase::Listening | Phase::UserSpeaking | Phase::Endpointing) => {
                AgentState::Listening
            }
            (_, Phase::Thinking) => AgentState::Thinking,
            (_, Phase::Speaking | Phase::Overlap | Phase::Held) => AgentState::Speaking,
        };
        if std::mem::replace(&mut self.state, state) != state {
            self.command(RoomCommand::SetState(state));
            let at = self.journal.offset(clock::now());
            self.journal.push(CallEvent::AgentState { at, state });
        }
    }

    fn show_caller(&self, turn: TurnId, text: &str, is_final: bool) {
        let id = self.segment_id("c", turn.0);
        self.show(Segment {
            who: Speaker::Caller,
            id,
            text: text.to_owned(),
            is_final,
        });
    }

    fn show_agent(&self, reply: ReplyId, text: String, is_final: bool) {
        let id = self.segment_id("a", reply.0);
        self.show(Segment {
            who: Speaker::Agent,
            id,
            text,
            is_final,
        });
    }

    /// The same for all pieces of a turn, and of no other turn of any call.
    fn segment_id(&self, side: &str, number: u64) -> String {
        format!("SG_{}_{side}{number}", self.id.simple())
    }

    fn show(&self, segment: Segment) {
        self.command(RoomCommand::Transcript(segment));
    }

    /// A room that does not take its commands loses them, rather than stop the conversation.
    fn command(&self, command: RoomCommand) {
        if self.commands.try_send(command).is_err() {
            tracing::warn!(call = %self.id, "the room does not take its commands; one was dropped");
        }
    }

    fn report(&mut self, error: ProviderError) {
        let ProviderError { stage, message } = error;
        tracing::warn!(call = %self.id, stage = stage.as_str(), %message, "a stage failed");
        let at = self.journal.offset(clock::now());
        self.journal.push(CallEvent::Error { at, stage, message });
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
