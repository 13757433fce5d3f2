//! The effects of tools and handovers on a call.

use std::sync::Arc;

use tokio::sync::watch;

use super::Conversation;
use super::context::ContextBudget;
use crate::event::{ToolCalled, ToolStarted};
use crate::providers::Served;
use crate::toolbox::{Answering, Persona, ToolNews, ToolRun};
use crate::transport::RoomCommand;
use sidetone_base::clock;
use sidetone_turn::{ReplyId, TurnId};

impl Conversation {
    /// Everything needed to answer `text`.
    pub(super) fn answer(
        &self,
        reply: ReplyId,
        turn: Option<TurnId>,
        text: &str,
        committed: watch::Receiver<bool>,
    ) -> Answering {
        Answering {
            reply,
            messages: self.chat.messages(turn, text),
            notes: self.chat.notes(),
            room: self.context.room(),
            persona: self.cast.speaks().clone(),
            served: Served::default(),
            team: Arc::clone(self.cast.team()),
            committed,
            news: self.work.news(),
            rounds: 0,
            begun: false,
            hangs_up: false,
            cuts: 0,
            owes_words: false,
            is_urged: false,
        }
    }

    /// Handles what a tool's task reports.
    pub fn tool_news(&mut self, news: ToolNews) {
        match news {
            ToolNews::Asked(reply) => {
                if let Some(reply) = self.replies.get(reply) {
                    reply.owed_mut().asked();
                }
            }
            ToolNews::Written(reply) => {
                if let Some(reply) = self.replies.get(reply) {
                    reply.owed_mut().written(clock::now());
                }
            }
            ToolNews::Started(reply, round) => {
                self.work.round_started();
                self.chat.tools_started(reply, round);
            }
            ToolNews::Starting(reply_id, start, receipt) => {
                let started = ToolStarted {
                    reply_id,
                    agent: start.agent,
                    id: start.call.id,
                    name: start.call.name,
                    arguments: start.written,
                    started_at: self.record.offset(start.started_at),
                };
                self.record.tool_starts(started, receipt);
            }
            ToolNews::Finished(reply, runs) => {
                self.work.round_finished();
                self.chat.tools_finished(reply, &runs);
                for run in runs {
                    self.record_tool(reply, run);
                }
                self.watch_silence(clock::now());
            }
            ToolNews::Remembered(key, value) => self.chat.remember(&key, &value),
            ToolNews::StillCalling => self.still_calling(),
            ToolNews::Transferred(result) => self.transferred(result),
            ToolNews::Dtmf(digits) => self.to_room.command(RoomCommand::Dtmf(digits)),
            ToolNews::HandedTo(persona) => self.handed_to(persona),
            ToolNews::Measured(size, usage) => self.context.gauge().measured(size, usage),
            ToolNews::TooLong(size) => {
                self.context.gauge().too_long(size);
                self.watch_context();
            }
            ToolNews::Summarised(summary) => self.summarised(summary),
        }
    }

    /// Another agent takes over: endpointing, interruption, model and voice follow its own file.
    pub(super) fn handed_to(&mut self, next: Persona) {
        let Persona { agent, providers } = &next;
        tracing::info!(call = %self.id, agent = agent.name, version = agent.version, "handed over");
        self.chat.set_system(agent.system_prompt.clone());
        if agent.stages.llm != self.cast.agent().stages.llm {
            self.chat.forget_opaque();
        }
        self.context = ContextBudget::new(agent);
        self.turn.configure(agent.turn.clone());
        let open = self.turn.open_turn();
        self.listen
            .configure(agent, Arc::clone(&providers.stt), open);
        self.replies.configure(agent, &providers.tts);
        self.cast.hand_to(next);
    }

    fn record_tool(&mut self, reply_id: ReplyId, run: ToolRun) {
        let started_at = self.record.offset(run.started_at);
        let ok = run.result.is_ok();
        tracing::debug!(call = %self.id, tool = run.call.name, ok, took = ?run.took, "a tool ran");
        self.record.tool(ToolCalled {
            reply_id,
            agent: run.agent,
            id: run.call.id,
            name: run.call.name,
            arguments: run.written,
            result: run.result,
            started_at,
            took: run.took,
        });
    }
}
