//! Which models the process and its agents use, and where. PURE.

use std::sync::Arc;

use sidetone_call::Part;
use sidetone_call::clients::OPENAI;
use sidetone_config::agent::AgentConfig;
use sidetone_config::env::Env;
use sidetone_config::providers::{self, Provider};

/// A server, and the models used there.
#[derive(Debug)]
pub(super) struct Place {
    /// A provider of this server; the model it names is ignored.
    pub provider: Provider,
    /// In the order of the agents.
    pub models: Vec<Used>,
}

/// A model of a stage, and the agents that use it.
#[derive(Debug)]
pub(super) struct Used {
    pub stage: Part,
    pub model: String,
    pub agents: Vec<String>,
}

/// The servers in use: the process's own first, unless that is this machine.
pub(super) fn places(env: &Env, agents: &[Arc<AgentConfig>]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut add = |stage: Part, provider: &Provider, agent: Option<String>| {
        if provider.address.is_none() && env.uses_local_models() {
            return;
        }
        let model = model(env, stage, provider);
        let place = places
            .iter()
            .position(|place| place.provider.address == provider.address);
        let place = place.unwrap_or_else(|| {
            let (provider, models) = (provider.clone(), Vec::new());
            places.push(Place { provider, models });
            places.len() - 1
        });
        let models = &mut places[place].models;
        let used = models
            .iter()
            .position(|used| used.stage == stage && used.model == model);
        let used = used.unwrap_or_else(|| {
            let agents = Vec::new();
            models.push(Used {
                stage,
                model,
                agents,
            });
            models.len() - 1
        });
        let names = &mut models[used].agents;
        names.extend(agent.filter(|name| !names.contains(name)));
    };
    for stage in STAGES {
        add(stage, &Provider::process(None), None);
    }
    for agent in agents.iter().flat_map(|agent| agent.versions()) {
        for stage in STAGES {
            for provider in &line(&agent, stage).providers {
                add(stage, provider, Some(label(&agent)));
            }
        }
    }
    places
}

/// The stages performed by models.
pub(super) const STAGES: [Part; 3] = [Part::Stt, Part::Llm, Part::Tts];

/// The providers of an agent's stage.
pub(super) fn line(agent: &AgentConfig, stage: Part) -> &providers::StageConfig {
    match stage {
        Part::Stt => &agent.stages.stt,
        Part::Tts => &agent.stages.tts,
        _ => &agent.stages.llm,
    }
}

/// The model in use.
pub(super) fn model(env: &Env, stage: Part, provider: &Provider) -> String {
    let own = match stage {
        Part::Stt => &env.stt_model,
        Part::Tts => &env.tts_model,
        _ => &env.llm_model,
    };
    provider.model.as_ref().unwrap_or(own).clone()
}

/// The address in use.
pub(super) fn base_url<'a>(env: &'a Env, provider: &'a Provider) -> &'a str {
    match &provider.address {
        Some(address) => &address.base_url,
        None => env.openai_base_url.as_deref().unwrap_or(OPENAI),
    }
}

/// The setting that names the model: a variable, or a key of an agent's file.
pub(super) fn setting(stage: Part, provider: &Provider) -> String {
    let (name, stage) = (&provider.name, stage.as_str());
    match provider.address {
        Some(_) => format!("providers.{name}.{stage} of the agent's file"),
        None => format!(
            "SIDETONE_{}_MODEL, or models.{stage} of the agent's file",
            stage.to_uppercase()
        ),
    }
}

/// An agent, or a variant of it.
pub(super) fn label(agent: &AgentConfig) -> String {
    match &agent.variant {
        Some(variant) => format!("{} (variant {variant})", agent.name),
        None => agent.name.clone(),
    }
}
