//! Switches the provider that hears the caller after a handover.

use std::sync::Arc;

use super::Listen;
use super::backoff::Backoff;
use crate::providers::Stt;
use sidetone_base::audio::Pcm;
use sidetone_config::agent::{AgentConfig, VadConfig};
use sidetone_turn::TurnId;

impl Listen {
    /// Uses this agent's provider, language and VAD settings from now on. The unanswered speech of the turn that is
    /// `open` is sent to the new provider as a whole.
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

    /// Streams audio of the turn, if the provider transcribes live.
    pub(super) fn hear(&mut self, audio: Pcm<16_000>) {
        if let Some(hearing) = &mut self.hearing {
            self.stt.heard(&audio);
            hearing.push(audio);
        }
    }
}

/// Samples kept from before the start of speech.
pub(super) fn padding(vad: &VadConfig) -> usize {
    Pcm::<16_000>::samples_in(vad.prefix_padding + vad.min_speech)
}

pub(super) fn asks_model(agent: &AgentConfig) -> bool {
    agent.turn.endpointing.threshold > 0.0
}
