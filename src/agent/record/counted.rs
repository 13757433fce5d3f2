//! What of a call's events is counted for `/metrics`: how many and how long, never who or what.

use sidetone_base::metrics::metrics;
use sidetone_call::ledger::Dropped;
use sidetone_call::{AgentTurn, CallEvent, EndReason, Figures, Part, ReplyId};

/// Counts the events of one agent's part of a call.
#[derive(Debug)]
pub struct Counted {
    /// The agent's file.
    agent: String,
    figures: Figures,
    /// The last reply whose latency was counted.
    audible: Option<ReplyId>,
    /// The last reply that was cut short.
    cut: Option<ReplyId>,
}

/// Lets all that is counted of `agents`' calls stand at 0.
pub fn expect(agents: impl IntoIterator<Item = impl AsRef<str>>) {
    let reasons = EndReason::ALL.map(EndReason::as_str);
    let dropped = Dropped::ALL.map(Dropped::as_str);
    let parts = Part::ALL.map(Part::as_str);
    metrics().calls.expect(agents, &reasons, &dropped, &parts);
}

impl Counted {
    /// Of a call that the agent of this file holds.
    pub fn new(agent: &str) -> Self {
        Self {
            agent: agent.to_owned(),
            figures: Figures::default(),
            audible: None,
            cut: None,
        }
    }

    /// Counts an event.
    pub fn take(&mut self, event: &CallEvent) {
        let calls = &metrics().calls;
        match event {
            CallEvent::Started { .. } => calls.begun(&self.agent).inc(),
            CallEvent::AgentTurn(turn) => self.agent_turn(turn),
            CallEvent::ToolCall(called) => {
                calls.tool(called.result.is_ok()).inc();
                calls.tool_took.observe(called.took.as_secs_f64());
            }
            CallEvent::Error { stage, .. } => calls.failed(stage.as_str()).inc(),
            CallEvent::Figures { figures, .. } => self.figures(figures),
            CallEvent::Ended { at, reason } => {
                calls.ended(&self.agent, reason.as_str()).inc();
                calls.lasted.observe(at.as_secs_f64());
            }
            CallEvent::AgentState { .. }
            | CallEvent::CallerJoined { .. }
            | CallEvent::Machine { .. }
            | CallEvent::CallerMuted { .. }
            | CallEvent::CallerSaying { .. }
            | CallEvent::CallerTurn { .. }
            | CallEvent::ToolStarted(..)
            | CallEvent::CallerAway { .. } => {}
        }
    }

    /// Several events come of one reply; its latency is known from the first.
    fn agent_turn(&mut self, turn: &AgentTurn) {
        let calls = &metrics().calls;
        let is_cut = turn.is_final && turn.interrupted && !turn.unfinished;
        if is_cut && self.cut.replace(turn.reply_id) != Some(turn.reply_id) {
            calls.barge_ins.inc();
        }
        if self.audible.replace(turn.reply_id) == Some(turn.reply_id) {
            return;
        }
        let latency = &turn.latency;
        if let Some(response) = latency.response {
            calls.heard.observe(response.as_secs_f64());
        }
        let stages = [
            ("endpointing", latency.endpointing),
            ("stt", latency.stt),
            ("llm_first_token", latency.llm_first_token),
            ("tts_first_byte", latency.tts_first_byte),
            ("playout", latency.playout),
        ];
        for (stage, took) in stages {
            if let Some(took) = took {
                calls.stage(stage, took);
            }
        }
    }

    /// Figures are sums of the call: what is more than before is new.
    fn figures(&mut self, now: &Figures) {
        let (calls, before) = (&metrics().calls, &self.figures);
        let more = |now: u64, before: u64| now.saturating_sub(before);
        calls
            .utterances_begun()
            .inc_by(more(now.opened, before.opened));
        calls
            .sentences_begun()
            .inc_by(more(now.begun, before.begun));
        for (closed, now, before) in [
            ("answered", now.answered, before.answered),
            ("superseded", now.superseded, before.superseded),
        ] {
            calls.utterance(closed).inc_by(more(now, before));
        }
        for (why, now) in &now.dropped {
            let before = before.dropped.get(why).copied().unwrap_or_default();
            calls.utterance(why.as_str()).inc_by(more(*now, before));
        }
        for (closed, now, before) in [
            ("heard", now.heard, before.heard),
            ("cut", now.cut, before.cut),
        ] {
            calls.sentence(closed).inc_by(more(now, before));
        }
        for (part, now) in &now.failed {
            let before = before.failed.get(part).copied().unwrap_or_default();
            calls.sentence_failed(part).inc_by(more(*now, before));
        }
        self.figures = now.clone();
    }
}

#[cfg(test)]
mod tests;
