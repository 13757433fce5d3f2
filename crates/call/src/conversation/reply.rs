//! The live reply: started, committed, played, put down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::Conversation;
use super::dead_air::Owed;
use crate::event::{AgentTurn, CallEvent, EndReason, Latency, Stage};
use crate::speak::{self, Item, Out, Source};
use crate::toolbox::Transfer;
use crate::transport::{RoomCommand, Segment, Speaker};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_turn::{Closed, Input, Prompt, ReplyId, TurnId};

/// From the last sample sent to the end of the call: what the caller's jitter buffer and network
/// still hold is heard.
const HANG_UP_AFTER: Duration = Duration::from_millis(500);

/// The live reply.
pub(super) struct Reply {
    pub(super) id: ReplyId,
    turn: Option<TurnId>,
    pub(super) committed_at: Option<Instant>,
    asked_at: Option<Instant>,
    transcribed_at: Option<Instant>,
    first_token_at: Option<Instant>,
    first_audio_at: Option<Instant>,
    /// First and last frame that went to the room.
    pub(super) played: Option<(Instant, Instant)>,
    latency: Latency,
    sentences_heard: usize,
    segment_open: bool,
    /// The stage that failed.
    pub(super) failed: Option<Stage>,
    is_apology: bool,
    pub(super) owed: Owed,
    /// The call ends when it was heard, for this reason.
    pub(super) hangs_up: Option<EndReason>,
    /// A person is called when it was heard.
    transfer: Option<Transfer>,
    /// Tells the task that the caller's turn is over.
    commit: watch::Sender<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Conversation {
    pub(super) fn start_reply(
        &mut self,
        id: ReplyId,
        turn: Option<TurnId>,
        prompt: Prompt,
        ahead: bool,
    ) {
        let (commit, committed) = watch::channel(false);
        let is_apology = prompt == Prompt::Apology;
        let owed = match prompt {
            Prompt::Answer(_) => Owed::default(),
            Prompt::Say(_) | Prompt::Apology => Owed::words(clock::now()),
        };
        let source = match prompt {
            Prompt::Answer(text) => Source::Chat(Box::new(self.answer(id, turn, &text, committed))),
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
        let tts = Arc::clone(&self.providers.tts);
        let (limits, text) = (self.agent.limits, self.speech_text.clone());
        let task = tokio::spawn(speak::reply(source, tts, limits, text, out));
        self.playout.begin(id, false);
        self.reply = Some(Reply {
            id,
            turn,
            committed_at: None,
            asked_at: None,
            transcribed_at: None,
            first_token_at: None,
            first_audio_at: None,
            played: None,
            latency: Latency::default(),
            sentences_heard: 0,
            segment_open: false,
            failed: None,
            is_apology,
            owed,
            hangs_up: None,
            transfer: None,
            commit,
            _task: AbortOnDropHandle::new(task),
        });
        if !ahead {
            self.commit_reply(id, clock::now());
        }
    }

    pub(super) fn commit_reply(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.reply.as_mut().filter(|reply| reply.id == id) else {
            return;
        };
        reply.committed_at = Some(now);
        reply.commit.send_replace(true);
        if let Some((turn, stt)) = &self.asked
            && reply.turn == Some(turn.id)
        {
            reply.asked_at = Some(turn.ended_at);
            reply.latency.stt = stt.map(|stt| stt.took);
            reply.transcribed_at = stt.map(|stt| stt.at);
            // Typed words end when they come: there is no wait to measure.
            reply.latency.endpointing = stt.map(|_| now.saturating_duration_since(turn.ended_at));
        }
        self.playout.open(id);
        self.finish_if_done();
    }

    /// A piece of a reply.
    pub fn reply_item(&mut self, id: ReplyId, item: Item) {
        let Some(reply) = self.reply.as_mut().filter(|reply| reply.id == id) else {
            return;
        };
        match item {
            Item::Transfer(transfer) => reply.transfer = Some(transfer),
            Item::HangUp => reply.hangs_up = Some(EndReason::AgentHungUp),
            // A round of tools has a first token, too; what counts is the one that was first heard.
            Item::FirstToken(took) if reply.first_audio_at.is_none() => {
                reply.latency.llm_first_token = Some(took);
                reply.first_token_at = Some(clock::now());
            }
            Item::FirstToken(_) => {}
            Item::Opaque(opaque) => self.chat.opaque(id, opaque),
            Item::FirstAudio(took) => {
                reply.latency.tts_first_byte.get_or_insert(took);
                reply.first_audio_at.get_or_insert_with(clock::now);
            }
            Item::Sentence(text) => {
                reply.owed.sounding += usize::from(!text.is_empty());
                self.playout.begin_sentence(id, text);
            }
            Item::Anew => {
                reply.owed.sounding = reply.owed.sounding.saturating_sub(1);
                self.playout.break_off(id);
            }
            Item::Said(said) => self.playout.correct(id, &said.0),
            Item::Unspoken { why, .. } => {
                // No sound of it is owed any more.
                reply.owed.sounding += 1;
                self.ledger.unspoken();
                self.report(why);
            }
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
            Item::Finished => {
                self.playout.finish(id);
                self.finish_if_done();
            }
            Item::Failed(error) => {
                reply.failed = Some(error.stage);
                self.playout.fail(id);
                self.report(error);
                // What was made is still played, if there is any.
                if self.playout.buffered().is_zero() {
                    self.reply_failed(id);
                }
            }
        }
    }

    pub(super) fn reply_failed(&mut self, id: ReplyId) {
        let apologised = self.reply.as_ref().filter(|reply| reply.is_apology);
        let turn = apologised.and_then(|reply| reply.turn);
        self.reply_over(false);
        self.input(Input::ReplyFailed(id));
        if let Some(turn) = turn {
            self.ledger.closed(turn, Closed::NotAnswered);
        }
    }

    /// A frame goes to the room.
    pub fn played(&mut self, frame: &Pcm<48_000>) {
        let now = clock::now();
        self.listen.agent_says(now, frame);
        self.waits_since = None;
        let Some(reply) = &mut self.reply else { return };
        let (id, is_first) = (reply.id, reply.played.is_none());
        let apologises = reply.turn.filter(|_| reply.is_apology);
        reply.played = Some((reply.played.map_or(now, |(first, _)| first), now));
        if is_first {
            let ready = reply.first_audio_at.max(reply.committed_at);
            let since = |time: Instant| now.saturating_duration_since(time);
            reply.latency.playout = ready.map(since);
            reply.latency.response = reply.asked_at.map(since);
            let after = |at: Option<Instant>| Some(at?.saturating_duration_since(reply.asked_at?));
            reply.latency.stt_at = after(reply.transcribed_at);
            reply.latency.llm_first_token_at = after(reply.first_token_at);
            reply.latency.tts_first_byte_at = after(reply.first_audio_at);
            let timing = reply.asked_at.map(|_| reply.latency.named());
            self.input(Input::ReplyAudible(id));
            if let Some(turn) = apologises {
                self.ledger.closed(turn, Closed::NotAnswered);
            }
            self.record_reply(false, false);
            // What is most urgent is under way.
            if self.drain_by.is_none() {
                self.apology.prepare(&self.providers.tts);
            }
            if let Some(timing) = timing {
                self.command(RoomCommand::Timing(timing));
            }
        }
        self.show_words();
        self.finish_if_done();
    }

    // --- the reply on its way out ---

    pub(super) fn finish_if_done(&mut self) {
        if !self.playout.is_done() {
            return;
        }
        let Some(Reply {
            id,
            turn,
            is_apology,
            failed,
            hangs_up,
            ref mut transfer,
            ..
        }) = self.reply
        else {
            return;
        };
        let failed = failed.is_some();
        let transfer = transfer.take().filter(|_| !failed);
        if let Some(reason) = hangs_up {
            self.hang_up_at = Some((clock::now() + HANG_UP_AFTER, reason));
        }
        self.reply_over(false);
        if let Some(turn) = turn.filter(|_| !failed && !is_apology) {
            self.ledger.answered(turn);
        }
        if let Some(transfer) = transfer {
            self.transfer(id, transfer);
        }
        // The providers are idle now, and all that the caller waits for has been said.
        if self.drain_by.is_none() {
            self.apology.prepare(&self.providers.tts);
        }
        self.input(if failed {
            Input::ReplyFailed(id)
        } else {
            Input::ReplyFinished(id)
        });
    }

    /// Puts down what was heard of the live reply, for good, and lets it go.
    pub(super) fn reply_over(&mut self, interrupted: bool) {
        self.show_words();
        self.record_reply(interrupted, true);
        if let Some(Reply {
            committed_at: Some(_),
            failed,
            ..
        }) = self.reply
        {
            let (begun, heard) = self.playout.tally();
            self.ledger.said(begun, heard, failed);
            self.tell_figures();
        }
        if let Some(reply) = self.reply.take().filter(|reply| reply.segment_open) {
            self.show_agent(reply.id, String::new(), true);
        }
        let said = self.playout.heard();
        if !said.is_empty() {
            self.said = said;
        }
        self.playout.clear();
        self.watch_context();
    }

    pub(super) fn show_words(&mut self) {
        let Some(words) = self.playout.take_words() else {
            return;
        };
        let Some(reply) = &mut self.reply else { return };
        reply.segment_open = true;
        let id = reply.id;
        if let Some(turn) = reply.turn.filter(|_| !reply.is_apology) {
            self.ledger.answered(turn);
        }
        self.show_agent(id, words, false);
        self.chat.agent(id, &self.playout.heard());
        let sentences = self.playout.sentences_heard();
        if let Some(reply) = &mut self.reply
            && sentences > std::mem::replace(&mut reply.sentences_heard, sentences)
            && !self.playout.is_done()
        {
            self.record_reply(false, false);
        }
    }

    /// Puts down what was heard of the live reply up to now; nothing if nothing was.
    pub(super) fn record_reply(&mut self, interrupted: bool, is_final: bool) {
        let Some(reply) = &self.reply else { return };
        let Some((first, last)) = reply.played else {
            return;
        };
        let text_heard = self.playout.heard();
        self.chat.agent(reply.id, &text_heard);
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
}
