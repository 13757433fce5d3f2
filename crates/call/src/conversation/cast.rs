//! Who speaks for the agent's side, and who may take over.

use std::sync::Arc;

use crate::event::CallId;
use crate::meter::Meter;
use crate::providers::Providers;
use crate::toolbox::Persona;
use sidetone_config::agent::AgentConfig;
use sidetone_config::choices::Caller;

/// The agents of a call.
pub(super) struct Cast {
    speaks: Persona,
    team: Arc<[Persona]>,
}

impl Cast {
    /// What their providers are asked is counted by `meter`.
    pub(super) fn new(speaks: Persona, team: Vec<Persona>, meter: &Meter) -> Self {
        let counted = |Persona { agent, providers }| Persona {
            providers: meter.count(providers, agent.limits.budget.questions_a_minute),
            agent,
        };
        Self {
            speaks: counted(speaks),
            team: team.into_iter().map(counted).collect(),
        }
    }

    /// The configuration of who speaks now.
    pub(super) fn agent(&self) -> &AgentConfig {
        &self.speaks.agent
    }

    /// The providers of who speaks now.
    pub(super) fn providers(&self) -> &Providers {
        &self.speaks.providers
    }

    /// Who speaks now.
    pub(super) fn speaks(&self) -> &Persona {
        &self.speaks
    }

    /// Who may take over.
    pub(super) fn team(&self) -> &Arc<[Persona]> {
        &self.team
    }

    /// The caller is known now: prompts that speak of it are filled in again.
    pub(super) fn meet(&mut self, call: CallId, caller: &Caller) {
        let met = |persona: &Persona| {
            let (agent, problems, passed) = persona.agent.meet(caller);
            for problem in problems {
                tracing::error!(%call, "{problem}");
            }
            if !passed.is_empty() {
                tracing::warn!(
                    %call,
                    agent = agent.name,
                    attributes = ?passed,
                    "the caller's own attributes are ignored: user_variables in the agent's file does \
                     not list them"
                );
            }
            Persona {
                agent: Arc::new(agent),
                providers: persona.providers.clone(),
            }
        };
        self.team = self.team.iter().map(met).collect();
        self.speaks = met(&self.speaks);
    }

    /// Another agent speaks from now on; who spoke before is on the team.
    pub(super) fn hand_to(&mut self, next: Persona) {
        let before = std::mem::replace(&mut self.speaks, next);
        self.team = before.joining(&self.team);
    }
}
