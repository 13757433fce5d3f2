//! One reply: whom it answers, how far it has come, and where its time went.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::asked::AskedTurn;
use super::dead_air::Owed;
use super::record::Record;
use crate::event::{AgentTurn, EndReason, Latency};
use crate::part::Part;
use crate::toolbox::TransferOrder;
use sidetone_base::clock;
use sidetone_turn::{ReplyId, TurnId};

/// A reply that is being made or heard.
pub(super) struct Reply {
    id: ReplyId,
    turn: Option<TurnId>,
    committed_at: Option<Instant>,
    asked_at: Option<Instant>,
    transcribed_at: Option<Instant>,
    first_token_at: Option<Instant>,
    first_audio_at: Option<Instant>,
    /// When its first and last frames were sent to the room.
    played: Option<(Instant, Instant)>,
    latency: Latency,
    sentences_heard: usize,
    segment_open: bool,
    /// The stage that failed.
    failed: Option<Part>,
    is_apology: bool,
    owed: Owed,
    /// The call ends after this reply, for this reason.
    hangs_up: Option<EndReason>,
    /// The caller is transferred after this reply.
    transfer: Option<TransferOrder>,
    /// Signals the task that the caller's turn is over.
    commit: watch::Sender<bool>,
    _task: AbortOnDropHandle<()>,
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Everything that could be said was heard.
    Said,
    /// The caller interrupted it.
    Interrupted,
    /// The agent leaves in the middle of it, or the caller left.
    Left,
}

/// The outcome of a reply that was heard to its end, or failed.
pub(super) struct Finished {
    pub(super) id: ReplyId,
    /// The turn that it answered. `None` for an apology.
    pub(super) answered: Option<TurnId>,
    pub(super) failed: bool,
    pub(super) hangs_up: Option<EndReason>,
    pub(super) transfer: Option<TransferOrder>,
}

impl Reply {
    /// A new reply, made by `task`, which `commit` signals when the caller's turn is over.
    pub(super) fn new(
        id: ReplyId,
        turn: Option<TurnId>,
        is_apology: bool,
        owed: Owed,
        commit: watch::Sender<bool>,
        task: AbortOnDropHandle<()>,
    ) -> Self {
        Self {
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
            _task: task,
        }
    }

    pub(super) fn id(&self) -> ReplyId {
        self.id
    }

    /// The turn that it answers. `None` for an apology.
    pub(super) fn answers(&self) -> Option<TurnId> {
        self.turn.filter(|_| !self.is_apology)
    }

    /// The turn that it apologises for.
    pub(super) fn apologises_for(&self) -> Option<TurnId> {
        self.turn.filter(|_| self.is_apology)
    }

    pub(super) fn turn(&self) -> Option<TurnId> {
        self.turn
    }

    // --- how far it has come ---

    /// The caller's turn is over: the reply may be heard. Its latency is measured from `asked`.
    pub(super) fn commit(&mut self, now: Instant, asked: Option<AskedTurn>) {
        self.committed_at = Some(now);
        self.commit.send_replace(true);
        let Some(AskedTurn { ended_at, stt, .. }) = asked else {
            return;
        };
        self.asked_at = Some(ended_at);
        self.latency.stt = stt.map(|stt| stt.took);
        self.transcribed_at = stt.map(|stt| stt.at);
        // A typed turn ends when it arrives: there is no wait to measure.
        self.latency.endpointing = stt.map(|_| now.saturating_duration_since(ended_at));
    }

    pub(super) fn is_committed(&self) -> bool {
        self.committed_at.is_some()
    }

    /// The model began to write. Rounds of tools have a first token, too; what counts is the first one that was
    /// heard.
    pub(super) fn first_token(&mut self, took: Duration) {
        if self.first_audio_at.is_none() {
            self.latency.llm_first_token = Some(took);
            self.first_token_at = Some(clock::now());
        }
    }

    /// The first audio arrived.
    pub(super) fn first_audio(&mut self, took: Duration) {
        self.latency.tts_first_byte.get_or_insert(took);
        self.first_audio_at.get_or_insert_with(clock::now);
    }

    /// A frame is sent to the room. `true` for the first one.
    pub(super) fn frame_played(&mut self, now: Instant) -> bool {
        let is_first = self.played.is_none();
        self.played = Some((self.played.map_or(now, |(first, _)| first), now));
        if is_first {
            let ready = self.first_audio_at.max(self.committed_at);
            let since = |time: Instant| now.saturating_duration_since(time);
            self.latency.playout = ready.map(since);
            self.latency.response = self.asked_at.map(since);
            let after = |at: Option<Instant>| Some(at?.saturating_duration_since(self.asked_at?));
            self.latency.stt_at = after(self.transcribed_at);
            self.latency.llm_first_token_at = after(self.first_token_at);
            self.latency.tts_first_byte_at = after(self.first_audio_at);
        }
        is_first
    }

    /// When the last frame was sent to the room.
    pub(super) fn last_played(&self) -> Option<Instant> {
        self.played.map(|(_, last)| last)
    }

    /// Where its time went. `None` if it answers nothing.
    pub(super) fn timing(&self) -> Option<Vec<(&'static str, Duration)>> {
        self.asked_at.map(|_| self.latency.named())
    }

    /// The number of sentences heard to their end. `true` if it has grown.
    pub(super) fn sentences_heard(&mut self, sentences: usize) -> bool {
        sentences > std::mem::replace(&mut self.sentences_heard, sentences)
    }

    /// Words of it are shown: its segment must be closed later.
    pub(super) fn opens_segment(&mut self) {
        self.segment_open = true;
    }

    pub(super) fn has_open_segment(&self) -> bool {
        self.segment_open
    }

    /// What was heard of it, for the record. `None` if nothing was.
    pub(super) fn heard(
        &self,
        record: &Record,
        text_heard: &str,
        over: Option<Over>,
    ) -> Option<AgentTurn> {
        let (first, last) = self.played?;
        Some(AgentTurn {
            reply_id: self.id,
            turn_id: self.turn,
            started_at: record.offset(first),
            ended_at: record.offset(last),
            text_heard: text_heard.to_owned(),
            interrupted: matches!(over, Some(Over::Interrupted | Over::Left)),
            is_final: over.is_some(),
            unfinished: matches!(over, None | Some(Over::Left)),
            latency: self.latency,
        })
    }

    /// What of it is still to be heard.
    pub(super) fn owed(&self) -> &Owed {
        &self.owed
    }

    pub(super) fn owed_mut(&mut self) -> &mut Owed {
        &mut self.owed
    }

    // --- how it ends ---

    /// The reply cannot go on, because this stage failed.
    pub(super) fn fail(&mut self, stage: Part) {
        self.failed = Some(stage);
    }

    /// The stage that failed.
    pub(super) fn failed(&self) -> Option<Part> {
        self.failed
    }

    /// Ends the call after this reply, for this reason.
    pub(super) fn hang_up(&mut self, reason: EndReason) {
        self.hangs_up = Some(reason);
    }

    pub(super) fn hangs_up(&self) -> bool {
        self.hangs_up.is_some()
    }

    /// Transfers the caller after this reply.
    pub(super) fn transfer(&mut self, transfer: TransferOrder) {
        self.transfer = Some(transfer);
    }

    /// The reply is over. After a failure nobody is transferred.
    pub(super) fn finished(&mut self) -> Finished {
        let failed = self.failed.is_some();
        Finished {
            id: self.id,
            answered: self.answers().filter(|_| !failed),
            failed,
            hangs_up: self.hangs_up,
            transfer: self.transfer.take().filter(|_| !failed),
        }
    }
}
