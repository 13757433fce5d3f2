//! All that a call is: a pure turn-taking machine, driven by one loop, between listening, thinking and
//! speaking.
//!
//! [`run`] holds the only `select!` over the call's parts. It owns all state; tasks (STT requests, the live
//! reply) only send it values, tagged so that stale ones are dropped. A room is four channels
//! ([`transport`]); what is to be stored goes out as [`CallEvent`]s; STT, LLM, TTS and tools are traits
//! ([`providers`]), which [`models`] fills with the clients of one agent's providers.
//!
//! Imported by the process, whose jobs, consoles and evaluations hold calls; imports `base`, `turn`,
//! `config`, `providers`. No LiveKit, no server, no database: a manifest says so.
//!
//! Always true here: one voice, and it is [`playout`]'s; history is what was heard; every utterance and
//! every sentence ends once, with a reason; every await has a deadline; a call that fails ends alone.

mod apology;
mod briefing;
pub mod chat;
pub mod clients;
pub mod context;
mod conversation;
pub mod earlier;
pub mod end_of_turn;
pub mod event;
mod flow;
pub mod handover;
pub mod holding;
mod journal;
pub mod keys;
pub mod ledger;
mod listen;
pub mod meter;
pub mod models;
mod nearness;
mod pace;
mod part;
pub mod playout;
pub mod providers;
pub mod question;
mod reply_item;
pub mod requests;
pub mod sentences;
mod silence;
mod speak;
pub mod speakers;
pub mod speech_text;
mod think;
pub mod toolbox;
pub mod tools;
pub mod transport;
pub mod vad;
mod voice;
pub mod voicemail;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub use earlier::{Earlier, Happened, Told};
pub use end_of_turn::EndOfTurn;
pub use event::{
    AgentTurn, CallEvent, CallId, CallOutcome, EndReason, Latency, Receipt, ToolCalled, ToolStarted,
};
pub use ledger::Figures;
pub use meter::{Meter, Spent, Taken};
pub use models::Models;
pub use part::Part;
pub use providers::{
    Briefed, Briefing, Fault, Llm, Message, Operator, Piece, ProviderError, Providers, Question,
    Role, Served, Stt, ToolCall, Tools, Tts,
};
pub use sidetone_turn::{ReplyId, TurnId};
pub use toolbox::Persona;

use crate::transport::RoomLink;
use conversation::Conversation;
use sidetone_base::leave::{LeaveOrder, Step};
use vad::Vad;

/// Audio that playout takes from a reply ahead of time; beyond it the providers wait.
const PLAYOUT_AHEAD: Duration = Duration::from_secs(5);
/// Items of replies in flight to the loop.
const ITEMS: usize = 16;

/// What makes a call this call.
pub struct CallSpec {
    /// Primary key.
    pub id: CallId,
    /// Who answers: prompts already filled in, overrides already applied.
    pub persona: Persona,
    /// Agents that the caller may be handed to.
    pub team: Vec<Persona>,
    /// The judge of what is speech, in its first state.
    pub vad: Vad,
    /// The judge of whether a turn is over, if there is one.
    pub end_of_turn: Option<Arc<dyn EndOfTurn>>,
    /// Counts what the call takes of its providers.
    pub meter: Meter,
    /// What was said until now, where another agent held the call and was lost. The caller is not
    /// greeted then, and hears the answer that it still waits for.
    pub earlier: Option<Earlier>,
}

/// Holds the conversation until it ends.
///
/// `events` is never lost while its receiver lives: the call keeps what does not fit and flushes
/// it at the end, as long as the call's leaving allows. When `drain` is given the call finishes what the
/// agent is saying, as long as that allows, and leaves.
pub async fn run(
    spec: CallSpec,
    link: RoomLink,
    events: mpsc::Sender<CallEvent>,
    drain: LeaveOrder,
) -> CallOutcome {
    let RoomLink {
        mut mic,
        events: mut room,
        speaker,
        commands,
    } = link;
    let (items, mut reply_items) = mpsc::channel(ITEMS);
    let (heard, mut judgements) = mpsc::channel(ITEMS);
    let (news, mut tool_news) = mpsc::channel(ITEMS);
    let mut call = Conversation::new(spec, commands, events, items, heard, news);
    let (mut mic_open, mut draining) = (true, false);

    let reason = loop {
        if let Some(reason) = call.ended {
            break reason;
        }
        let deadline = call.next_deadline();
        // In order, so that a simulated clock gives the same call each time.
        tokio::select! {
            biased;
            Some(heard) = judgements.recv() => call.judged(heard),
            Some(news) = tool_news.recv() => call.tool_news(news),
            Some((id, item)) = reply_items.recv(), if call.replies.playout.buffered() < PLAYOUT_AHEAD => {
                call.reply_item(id, item);
            }
            permit = speaker.reserve(), if call.replies.playout.is_ready() => match permit {
                Ok(permit) => {
                    if let Some(frame) = call.replies.playout.pull() {
                        call.played(&frame);
                        permit.send(frame);
                    }
                }
                Err(_) => call.ended = Some(EndReason::ConnectionLost),
            },
            frame = mic.recv(), if mic_open => match frame {
                Some(frame) => call.heard(frame),
                None => {
                    mic_open = false;
                    call.mic_paused();
                }
            },
            event = room.recv() => match event {
                Some(event) => call.room_event(event),
                None => call.ended = Some(EndReason::ConnectionLost),
            },
            () = call.replies.apology.make() => {}
            () = call.record.deliver(), if call.record.is_waiting() => {}
            by = drain.given(), if !draining => {
                draining = true;
                call.drain(by);
            }
            () = tokio::time::sleep_until(deadline.into()) => call.deadline(),
        }
    };
    // What a server was asked to do is recorded also when the caller has gone meanwhile.
    let by = call.leave_by();
    let until = by.until(Step::Tools).into();
    while call.work.has_tools_running() {
        match tokio::time::timeout_at(until, tool_news.recv()).await {
            Ok(Some(news)) => call.tool_news(news),
            Ok(None) | Err(_) => break,
        }
    }
    call.leave(reason, by).await
}
