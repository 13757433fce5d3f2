//! What tools and handovers do to a call.

use std::collections::HashMap;

use serde_json::json;
use tokio::sync::watch;

use super::Conversation;
use super::context::Context;
use crate::call::apology::Apology;
use crate::call::event::{CallEvent, ToolCalled};
use crate::call::providers::Served;
use crate::call::speech_text::{Pronunciations, SpeechText};
use crate::call::toolbox::{Answer, Persona, ToolNews, ToolRun};
use crate::transport::RoomCommand;
use sidetone_base::clock;
use sidetone_turn::{ReplyId, TurnId};
use std::sync::Arc;

impl Conversation {
    /// What an answer to `text` is made from.
    pub(super) fn answer(
        &self,
        reply: ReplyId,
        turn: Option<TurnId>,
        text: &str,
        committed: watch::Receiver<bool>,
    ) -> Answer {
        Answer {
            reply,
            messages: self.chat.messages(turn, text),
            notes: self.chat.notes(),
            room: self.context.gauge.room(),
            persona: Persona {
                agent: Arc::clone(&self.agent),
                providers: self.providers.clone(),
            },
            served: Served::default(),
            team: Arc::clone(&self.team),
            committed,
            news: self.tool_news.clone(),
            rounds: 0,
            begun: false,
            hangs_up: false,
            cuts: 0,
        }
    }

    /// Something came of a tool.
    pub fn tool_news(&mut self, news: ToolNews) {
        match news {
            ToolNews::Asked(reply) => self.model_asked(reply),
            ToolNews::Written(reply) => self.sentence_written(reply),
            ToolNews::Started(reply, round) => {
                self.tools_running += 1;
                self.chat.tools_started(reply, round);
            }
            ToolNews::Finished(reply, runs) => {
                self.tools_running = self.tools_running.saturating_sub(1);
                self.chat.tools_finished(reply, &runs);
                for run in runs {
                    self.record_tool(reply, run);
                }
                self.watch_silence(clock::now());
            }
            ToolNews::Remembered(key, value) => self.chat.remember(&key, &value),
            ToolNews::Transferred(result) => self.transferred(result),
            ToolNews::Dtmf(digits) => self.command(RoomCommand::Dtmf(digits)),
            ToolNews::HandedTo(persona) => self.handed_to(persona),
            ToolNews::Measured(size, usage) => self.context.gauge.measured(size, usage),
            ToolNews::TooLong(size) => {
                self.context.gauge.too_long(size);
                self.watch_context();
            }
            ToolNews::Summarised(summary) => self.summarised(summary),
        }
    }

    /// Another agent goes on: it hears, waits, gives way, thinks and speaks as its own file says.
    fn handed_to(&mut self, Persona { agent, providers }: Persona) {
        tracing::info!(call = %self.id, agent = agent.name, version = agent.version, "handed over");
        self.chat.set_system(agent.system_prompt.clone());
        if agent.stages.llm != self.agent.stages.llm {
            self.chat.forget_opaque();
        }
        self.context = Context::new(&agent);
        self.turn.configure(agent.turn.clone());
        let open = self.turn.open_turn();
        self.listen
            .configure(&agent, Arc::clone(&providers.stt), open);
        let pronunciations = Pronunciations::new(&agent.pronunciations);
        self.speech_text = SpeechText::new(agent.language.as_deref(), pronunciations);
        self.apology = Apology::new(agent.apology.clone());
        self.apology.prepare(&providers.tts);
        let before = Persona {
            agent: std::mem::replace(&mut self.agent, agent),
            providers: std::mem::replace(&mut self.providers, providers),
        };
        self.team = before.joining(&self.team);
    }

    fn record_tool(&mut self, reply_id: ReplyId, run: ToolRun) {
        let started_at = self.journal.offset(run.started_at);
        let ok = run.result.is_ok();
        tracing::debug!(call = %self.id, tool = run.call.name, ok, took = ?run.took, "a tool ran");
        self.journal.push(CallEvent::ToolCall(ToolCalled {
            reply_id,
            agent: run.agent,
            id: run.call.id,
            name: run.call.name,
            arguments: run.written,
            result: run.result,
            started_at,
            took: run.took,
        }));
    }

    /// The caller is known now: prompts that speak of it are filled in again.
    pub(super) fn meet(
        &mut self,
        identity: &str,
        name: &str,
        attributes: &HashMap<String, String>,
    ) {
        let caller = json!({"identity": identity, "name": name, "attributes": attributes});
        let id = self.id;
        let met = |persona: &Persona| {
            let (agent, problems) = persona.agent.with("caller", caller.clone());
            for problem in problems {
                tracing::error!(call = %id, "{problem}");
            }
            Arc::new(agent)
        };
        self.team = self
            .team
            .iter()
            .map(|persona| Persona {
                agent: met(persona),
                providers: persona.providers.clone(),
            })
            .collect();
        self.agent = met(&Persona {
            agent: Arc::clone(&self.agent),
            providers: self.providers.clone(),
        });
        self.chat.set_system(self.agent.system_prompt.clone());
    }
}
