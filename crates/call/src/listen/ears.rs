//! By whose ears the caller is heard: after a handover by another agent's.

use std::sync::Arc;

use super::Listen;
use super::backoff::Backoff;
use crate::providers::Stt;
use sidetone_base::audio::Pcm;
use sidetone_config::agent::{AgentConfig, VadConfig};
use sidetone_turn::TurnId;

impl Listen {
    /// Hears as this agent does from now on: by its provider, its language and its numbers. What is
    /// said and not answered yet, of the turn that is `open`, is asked of the new provider, whole.
    pub fn configure(&mut self, agent: &AgentConfig, stt: Arc<dyn Stt>, open: Option<TurnId>) {
        self.vad.configure(&agent.vad);
        self.padding = padding(&agent.vad);
        self.deadline = agent.limits.stt;
        self.hearing = stt.hear();
        self.stt = stt;
        self.backoff = Backoff::default();
        let model = self.end_of_turn.clone().filter(|_| asks_model(agent));
        self.judging.configure(model);
        if open.is_some() {
            self.hear(Pcm::new(self.audio.iter().copied().collect()));
        }
        if let Some(request) = self.request.take() {
            self.transcribe(request.voiced_to);
        }
    }

    /// Passes audio of the turn on, where words come as they are spoken.
    pub(super) fn hear(&mut self, audio: Pcm<16_000>) {
        if let Some(hearing) = &mut self.hearing {
            self.stt.heard(&audio);
            hearing.push(audio);
        }
    }
}

/// Samples kept from before speech.
pub(super) fn padding(vad: &VadConfig) -> usize {
    Pcm::<16_000>::samples_in(vad.prefix_padding + vad.min_speech)
}

pub(super) fn asks_model(agent: &AgentConfig) -> bool {
    agent.turn.endpointing.threshold > 0.0
}
