//! All state of a call, and what each thing that happens does to it. Decisions are the turn
//! machine's; here they are carried out.

mod asked;
mod before;
mod caller;
mod cast;
mod context;
mod dead_air;
mod deadlines;
mod goodbye;
mod hand;
mod menu;
mod record;
mod replies;
mod reply;
mod room;
mod show;
mod speaking;
mod tools;
mod transfer;
mod voicemail;
mod who;
mod work;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::CallSpec;
use super::chat::Chat;
use super::event::{CallEvent, CallId, CallOutcome, EndReason};
use super::handover::Handover;
use super::keys::Keys;
use super::ledger::Dropped;
use super::listen::{Heard, Listen, Transcription};
use super::nearness::is_said;
use super::reply_item::ReplyItem;
use super::toolbox::ToolNews;
use super::voicemail::Ear;
use crate::transport::{MicFrame, RoomCommand};
use asked::Asked;
use caller::Caller;
use cast::Cast;
use context::ContextBudget;
use deadlines::Deadlines;
use hand::Hand;
use record::Record;
use replies::Replies;
use reply::Over;
use show::ToRoom;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_base::leave::{LeaveBy, Step};
use sidetone_turn::{Closed, Input, Output, Phase, ReplyId, Turn, TurnId, UserTurn};
use who::Who;
use work::Work;

/// See the module's documentation. Fields the loop waits on are its own to borrow.
pub struct Conversation {
    id: CallId,
    /// Who speaks for the agent's side, and who may take over.
    cast: Cast,
    /// Whether somebody is there to be heard.
    caller: Caller,
    /// Who says what, where several people are heard.
    who: Who,
    /// The caller's voice, and its words.
    listen: Listen,
    /// Who may speak, and when.
    turn: Turn,
    /// Listens for a machine, where the agent has called.
    voicemail: Option<Ear>,
    /// What the caller asked last.
    asked: Asked,
    /// Telephone keys that the caller is pressing.
    keys: Keys,
    /// What the model knows of the conversation.
    chat: Chat,
    /// How large that is, and the summary in the making.
    context: ContextBudget,
    /// What the agent says.
    pub replies: Replies,
    /// What the backend has told the agent.
    hand: Hand,
    /// Tools that run, and a person that is being called.
    pub work: Work,
    /// Until when a call waits for what.
    deadlines: Deadlines,
    /// When the call is left to another agent.
    handover: Handover,
    /// What the room sees.
    to_room: ToRoom,
    /// What is stored.
    pub record: Record,
    /// Why the call is over, once it is.
    pub ended: Option<EndReason>,
}

impl Conversation {
    /// A call that begins now, in a room without a caller.
    pub fn new(
        spec: CallSpec,
        commands: mpsc::Sender<RoomCommand>,
        events: mpsc::Sender<CallEvent>,
        items: mpsc::Sender<(ReplyId, ReplyItem)>,
        heard: mpsc::Sender<Heard>,
        tool_news: mpsc::Sender<ToolNews>,
    ) -> Self {
        let CallSpec {
            id,
            persona,
            team,
            vad,
            end_of_turn,
            meter,
            earlier,
        } = spec;
        let begun = clock::now();
        let resumes = earlier.is_some();
        let earlier = earlier.unwrap_or_default();
        let (last_turn, last_reply) = earlier.last();
        let cast = Cast::new(persona, team, &meter);
        let (agent, stt) = (cast.agent(), Arc::clone(&cast.providers().stt));
        let mut this = Self {
            id,
            caller: Caller::after(resumes.then(|| earlier.owed()), earlier.handed_over),
            who: Who::default(),
            listen: Listen::new(vad, end_of_turn, agent, stt, heard),
            turn: Turn::after(agent.turn.clone(), last_turn, last_reply),
            voicemail: None,
            asked: Asked::default(),
            keys: Keys::default(),
            chat: Chat::after(agent.system_prompt.clone(), &earlier),
            context: ContextBudget::new(agent),
            replies: Replies::new(agent, items),
            hand: Hand::after(earlier.is_muted()),
            work: Work::new(tool_news),
            deadlines: Deadlines::new(begun, earlier.lasted, &agent.limits),
            handover: Handover::default(),
            to_room: ToRoom::new(id, commands),
            record: Record::new(id, begun, events, meter),
            ended: None,
            cast,
        };
        this.show_state();
        this
    }

    // --- what happens ---

    /// The next 10 ms of the caller's microphone, or of the one of several people who is listened to.
    pub fn heard(&mut self, frame: MicFrame) {
        let MicFrame { sound, turn_to } = frame;
        if let Some(turn_to) = turn_to {
            self.turns_to(turn_to);
        }
        self.hear(clock::now(), &sound);
    }

    fn hear(&mut self, now: Instant, frame: &Pcm<16_000>) {
        if !self.caller.is_heard(frame)
            || self.turn.key_down() == Some(false)
            || self.hand.is_muted()
        {
            return;
        }
        if self.hears_machine(frame) {
            return;
        }
        if self.deadlines.is_draining() {
            if !self.listen.is_speaking() && self.listen.is_speech_begun(frame) {
                self.record.ledger().refused(Dropped::Draining);
            }
        } else {
            let input = self.listen.push(now, frame, self.turn.open_turn());
            self.deadlines.frame_came(now, self.listen.is_speaking());
            if self.listen.is_speaking() {
                self.handover.caller_did(now);
            }
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
        self.deadlines.microphone_paused();
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

    fn words(&mut self, outcome: Transcription) {
        if let Transcription::Words { text, .. } = &outcome
            && self.says_machine(text)
        {
            return;
        }
        match outcome {
            Transcription::Words {
                text,
                is_final,
                took,
            } => {
                self.asked.transcribed(took);
                let has_words = !text.is_empty();
                let text = self.without_echo(text);
                if let Some(turn) = self.turn.open_turn() {
                    self.record
                        .ledger()
                        .is_echo(turn, has_words && text.is_empty());
                }
                if let Some(turn) = self.turn.open_turn().filter(|_| !text.is_empty()) {
                    let by = self.who.identity(turn);
                    self.to_room.caller_so_far(turn, by, &text);
                }
                let said = text.clone();
                self.input(Input::Transcript { text, is_final });
                self.note_saying(&said);
            }
            Transcription::Last { words, took } => {
                self.asked.transcribed(took);
                let words = words.map(|text| self.without_echo(text));
                let words = words.map_err(|error| self.record.failure(error));
                self.input(Input::LastWords(words.ok()));
            }
            Transcription::Failed(error) => {
                self.record.failure(error);
                self.input(Input::TranscriptFailed);
            }
        }
    }

    /// Records what is recognised of a turn that goes on. What is said over the agent may be no turn at all.
    fn note_saying(&mut self, text: &str) {
        let goes_on = matches!(self.turn.phase(), Phase::UserSpeaking | Phase::Endpointing);
        let turn = self.turn.open_turn();
        if let Some(turn) = turn.filter(|_| goes_on && !text.is_empty()) {
            self.record.caller_says(turn, text, self.who.of(turn));
        }
    }

    /// Words of the agent's own that came back through the microphone are nobody's words.
    fn without_echo(&self, text: String) -> String {
        if !self.listen.is_near() && is_said(&text, &self.replies.last_heard()) {
            return String::new();
        }
        text
    }

    // --- what the turn machine wants ---

    fn input(&mut self, input: Input) {
        if self.hand.is_muted() && hand::is_passed_over(&input) {
            return;
        }
        let now = clock::now();
        let open = self.turn.open_turn();
        let is_typed = matches!(input, Input::UserText(_));
        let begins = matches!(input, Input::SpeechStarted { .. });
        // Who is gone has not interrupted. Before LiveKit's client says that the agent was removed it says
        // that everybody else is gone.
        let cut = match input {
            Input::UserLeft => Over::Left,
            _ => Over::Interrupted,
        };
        self.turn.handle_input(now, input);
        let is_new = |turn: &TurnId| begins || Some(*turn) != open;
        if let Some(turn) = self.turn.open_turn().filter(is_new) {
            self.record.ledger().opened(turn);
        }
        if let Some(turn) = self.turn.open_turn().filter(|_| begins) {
            self.speaks(turn);
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
                Output::CancelReply(_) => self.reply_over(cut),
                Output::HoldPlayout => {
                    self.replies.playout.hold();
                    self.replies.flow.rests();
                }
                Output::ReleasePlayout => self.replies.playout.release(),
                Output::TurnEnded(turn) => {
                    if is_typed && Some(turn.id) != open {
                        self.record.ledger().opened(turn.id);
                        self.has_written(turn.id);
                    }
                    self.turn_ended(turn);
                }
                Output::CutTurn(_, cut) => self.listen.cut(cut),
                Output::CloseTurn(turn, why) => {
                    self.record.ledger().closed(turn, why);
                    // LiveKit's client says that the caller left also when it is the agent that was cut off.
                    if why != Closed::CallerLeft {
                        self.record.caller_said_nothing(turn);
                    }
                    self.close_turn(turn);
                }
                Output::Timeout(wake) => {
                    self.deadlines.turn_at(wake);
                    break;
                }
            }
        }
        if self.turn.open_turn().is_none()
            && let Some(opening) = self.caller.before().take_opening()
        {
            return self.input(opening);
        }
        if self.say_what_waits() {
            return;
        }
        self.show_state();
        self.watch_silence(now);
        self.end_if_drained();
    }

    fn turn_ended(&mut self, turn: UserTurn) {
        self.caller.before().is_answered();
        self.chat.user(turn.id, &turn.text);
        let by = self.who.of(turn.id);
        let identity = by.as_ref().map(|by| by.identity.as_str());
        self.to_room.caller_said(turn.id, identity, &turn.text);
        let is_new = self.asked.turn_ended(&turn);
        self.record.caller_turn(&turn, by, is_new);
    }

    fn close_turn(&mut self, turn: TurnId) {
        // A turn that was cut off is closed while the next one may be open.
        if self.turn.open_turn().is_none() {
            self.listen.forget();
        }
        self.to_room
            .caller_turn_closed(turn, self.who.identity(turn));
        self.who.closed();
    }

    /// By when the call has left: as it was told to, or within what an end needs that it came to by itself.
    pub fn leave_by(&self) -> LeaveBy {
        let told = self.deadlines.leave_by();
        told.unwrap_or_else(|| LeaveBy::within(clock::now(), LeaveBy::OVER))
    }

    /// Ends the call.
    pub async fn leave(mut self, reason: EndReason, by: LeaveBy) -> CallOutcome {
        self.reply_over(Over::Left);
        let duration = self.record.ended(reason);
        let until = by.until(Step::Record);
        self.to_room.leave(until).await;
        self.record.close(reason, duration, by).await
    }
}
