//! The live reply on its way to the caller: started, committed, played, over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::Conversation;
use super::dead_air::Owed;
use super::reply::{Finished, Over, Reply};
use super::transfer::Caused;
use crate::chat::{REST, UNASKED};
use crate::event::{AgentTurn, EndReason};
use crate::reply_item::ReplyItem;
use crate::requests;
use crate::speak::{self, ReplySource};
use crate::transport::RoomCommand;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_base::metrics::metrics;
use sidetone_turn::{Closed, Input, Prompt, ReplyId, TurnId};

/// From the last sample sent to the end of the call: what the caller's jitter buffer and network
/// still hold is heard.
const HANG_UP_AFTER: Duration = Duration::from_millis(500);

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
            Prompt::Answer(_) | Prompt::Rest | Prompt::Unasked => Owed::default(),
            Prompt::Say(_) | Prompt::Phrase(_) | Prompt::Apology => Owed::words(clock::now()),
        };
        let source = match prompt {
            Prompt::Answer(text) => {
                ReplySource::Chat(Box::new(self.answer(id, turn, &text, committed)))
            }
            Prompt::Rest => ReplySource::Chat(Box::new(self.answer(id, None, REST, committed))),
            Prompt::Unasked => {
                ReplySource::Chat(Box::new(self.answer(id, None, UNASKED, committed)))
            }
            Prompt::Say(text) => ReplySource::Text(text),
            Prompt::Phrase(text) => ReplySource::Phrase(text),
            Prompt::Apology => ReplySource::Apology {
                text: self.replies.apology.text.clone(),
                audio: self.replies.apology.audio(),
            },
        };
        let out = self.replies.out(id);
        let tts = Arc::clone(&self.cast.providers().tts);
        let (limits, text) = (self.cast.agent().limits, self.replies.speech_text());
        let work = requests::of(id, speak::reply(source, tts, limits, text, out));
        let task = tokio::spawn(work.in_current_span());
        let task = AbortOnDropHandle::new(task);
        let reply = Reply::new(id, turn, is_apology, owed, commit, task);
        self.replies.begin(reply);
        if !ahead {
            self.commit_reply(id, clock::now());
        }
    }

    pub(super) fn commit_reply(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.replies.get(id) else {
            return;
        };
        reply.commit(now, self.asked.turn(reply.turn()));
        self.replies.playout.open(id);
        self.finish_if_done();
    }

    /// A piece of a reply.
    pub fn reply_item(&mut self, id: ReplyId, item: ReplyItem) {
        let Some(reply) = self.replies.get(id) else {
            return;
        };
        match item {
            ReplyItem::Transfer(transfer) => reply.transfer(transfer),
            ReplyItem::HangUp => reply.hang_up(EndReason::AgentHungUp),
            ReplyItem::FirstToken(took) => reply.first_token(took),
            ReplyItem::Opaque(opaque) => self.chat.opaque(id, opaque),
            ReplyItem::FirstAudio(took) => reply.first_audio(took),
            ReplyItem::Sentence(text) => {
                if !text.is_empty() {
                    reply.owed_mut().sounds();
                }
                self.replies.playout.begin_sentence(id, text);
            }
            ReplyItem::Anew => {
                reply.owed_mut().sounds_anew();
                self.replies.playout.break_off(id);
            }
            ReplyItem::Said(said) => self.replies.playout.correct(id, &said.0),
            ReplyItem::Unspoken { why, .. } => {
                // No sound of it is owed any more.
                reply.owed_mut().sounds();
                self.record.ledger().unspoken();
                self.record.failure(why);
            }
            ReplyItem::Audio(audio) => self.replies.playout.push(id, &audio),
            ReplyItem::SentenceEnd => {
                self.replies.playout.end_sentence(id);
                self.flow_may_rest();
            }
            ReplyItem::Notice(text) => self.to_room.notice(id, text),
            ReplyItem::Finished => {
                self.replies.playout.finish(id);
                self.flow_may_rest();
                self.finish_if_done();
            }
            ReplyItem::Failed(error) => {
                reply.fail(error.stage);
                self.replies.playout.fail(id);
                self.flow_may_rest();
                self.record.failure(error);
                // What was made is still played, if there is any.
                if self.replies.playout.buffered().is_zero() {
                    self.reply_failed(id);
                }
            }
        }
    }

    pub(super) fn reply_failed(&mut self, id: ReplyId) {
        let turn = self.replies.live().and_then(Reply::apologises_for);
        self.reply_over(Over::Said);
        self.input(Input::ReplyFailed(id));
        if let Some(turn) = turn {
            self.record.ledger().closed(turn, Closed::NotAnswered);
        }
    }

    /// A sentence is all there: when it has been played, nothing is late.
    fn flow_may_rest(&mut self) {
        if !self.replies.playout.is_ready() {
            self.replies.flow.rests();
        }
    }

    /// A frame goes to the room.
    pub fn played(&mut self, frame: &Pcm<48_000>) {
        let now = clock::now();
        let more = self.replies.playout.expects_more();
        if let Some(silence) = self.replies.flow.frame(now, more) {
            metrics().calls.breaks.observe(silence.as_secs_f64());
        }
        self.listen.agent_says(now, frame);
        self.deadlines.audio_taken();
        let Some(reply) = self.replies.live_mut() else {
            return;
        };
        if reply.frame_played(now) {
            let (id, timing, apologises) = (reply.id(), reply.timing(), reply.apologises_for());
            self.input(Input::ReplyAudible(id));
            if let Some(turn) = apologises {
                self.record.ledger().closed(turn, Closed::NotAnswered);
            }
            self.record_reply(None);
            // What is most urgent is under way.
            self.prepare_apology();
            if let Some(timing) = timing {
                self.to_room.command(RoomCommand::Timing(timing));
            }
        }
        self.show_words();
        self.finish_if_done();
    }

    pub(super) fn finish_if_done(&mut self) {
        if !self.replies.playout.is_done() {
            return;
        }
        let Some(reply) = self.replies.live_mut() else {
            return;
        };
        let Finished {
            id,
            answered,
            failed,
            hangs_up,
            transfer,
        } = reply.finished();
        if let Some(reason) = hangs_up.or(self.deadlines.drains()) {
            let at = clock::now() + HANG_UP_AFTER;
            self.deadlines.hang_up_at(at, reason);
        }
        self.reply_over(Over::Said);
        if let Some(turn) = answered {
            self.record.ledger().answered(turn);
        }
        if let Some(transfer) = transfer {
            self.transfer(id, transfer, Caused::ByModel);
        }
        // The providers are idle now, and all that the caller waits for has been said.
        self.prepare_apology();
        self.input(if failed {
            Input::ReplyFailed(id)
        } else {
            Input::ReplyFinished(id)
        });
    }

    fn prepare_apology(&mut self) {
        if !self.deadlines.is_draining() {
            self.replies.apology.prepare(&self.cast.providers().tts);
        }
    }

    /// Records what was heard of the live reply, for good, and lets it go.
    pub(super) fn reply_over(&mut self, over: Over) {
        self.show_words();
        let recorded = self.record_reply(Some(over));
        if let Some(reply) = self.replies.live() {
            if reply.is_committed() {
                let (begun, heard) = self.replies.playout.tally();
                self.record.ledger().said(begun, heard, reply.failed());
                self.record.figures();
            }
            if reply.has_open_segment() {
                self.to_room.agent(reply.id(), String::new(), true);
            }
        }
        self.replies.over(recorded);
        self.watch_context();
    }

    /// The room's link has been down for so long. What was said in that time is neither recorded nor part of
    /// the conversation; of a reply that is being said it is said again.
    pub(super) fn not_heard(&mut self, time: Duration) {
        let past = self.replies.not_heard(clock::now() - time);
        if let Some(turn) = past {
            self.chat.heard_less(turn.reply_id, &turn.text_heard);
            self.record.agent_turn(turn);
        }
        if let Some(live) = self.replies.live() {
            self.chat
                .heard_less(live.id(), &self.replies.playout.heard());
        }
        self.record_reply(None);
    }

    /// Shows the words that have been heard since the last time.
    fn show_words(&mut self) {
        let Some(words) = self.replies.playout.take_words() else {
            return;
        };
        let heard = self.replies.playout.heard();
        let sentences = self.replies.playout.sentences_heard();
        let Some(reply) = self.replies.live_mut() else {
            return;
        };
        reply.opens_segment();
        if let Some(turn) = reply.answers() {
            self.record.ledger().answered(turn);
        }
        self.to_room.agent(reply.id(), words, false);
        self.chat.agent(reply.id(), &heard);
        if reply.sentences_heard(sentences) && !self.replies.playout.is_done() {
            self.record_reply(None);
        }
    }

    /// Records what was heard of the live reply up to now, and how it ended, once it has; nothing if
    /// nothing was heard. Gives what is recorded.
    fn record_reply(&mut self, over: Option<Over>) -> Option<AgentTurn> {
        let reply = self.replies.live()?;
        let heard = self.replies.playout.heard();
        let turn = reply.heard(&self.record, &heard, over)?;
        self.chat.agent(turn.reply_id, &heard);
        self.record.agent_turn(turn.clone());
        Some(turn)
    }
}
