//! The agents of one look at a folder, or of an edition: they belong together and never change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::agent::{
    AgentConfig, ConfigError, DEFAULT_AGENT, DEFAULTS, Problems, small_model,
};
use super::super::edition::{Edition, short};
use super::super::files::{self, Files};
use super::super::routing::{ROUTING, Routing};
use super::super::secret::Secrets;
use super::super::sound::Sound;
use super::super::voice::Voice;
use super::handoffs;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Roster {
    folder: PathBuf,
    edition: Option<Arc<str>>,
    /// What they were read with.
    secrets: Secrets,
    agents: BTreeMap<String, Arc<AgentConfig>>,
    routing: Arc<Routing>,
    problems: Vec<ConfigError>,
}

impl Roster {
    /// Makes all agents; an invalid one, or invalid routes, are replaced by those from `before`.
    pub(super) fn read(
        files: &Files<'_>,
        listed: &Result<BTreeSet<PathBuf>, String>,
        secrets: &Secrets,
        before: &Self,
    ) -> Self {
        let (agents, mut problems) = load(files, listed, secrets, &before.agents);
        let routing = match routing(files, listed) {
            Ok(routing) => Arc::new(routing),
            Err(Problems(found)) => {
                problems.extend(found);
                problems.sort();
                Arc::clone(&before.routing)
            }
        };
        Self {
            folder: files.folder().to_owned(),
            edition: None,
            secrets: secrets.clone(),
            agents,
            routing,
            problems,
        }
    }

    /// The agents of an edition, with the secrets of this machine.
    pub(super) fn of(edition: &Edition, secrets: &Secrets) -> Self {
        let read = |path: &Path| files::from_edition(edition, path);
        let folder = edition.folder();
        let files = Files::of(edition, &folder, &read);
        let listed = Ok(edition.listed().collect());
        let mut this = Self::read(&files, &listed, secrets, &Self::default());
        let version: Arc<str> = edition.version().into();
        for agent in this.agents.values_mut() {
            Arc::make_mut(agent).edition = Some(Arc::clone(&version));
        }
        this.edition = Some(version);
        this
    }

    /// The version of the edition that it was read from. `None` if it was a folder.
    pub fn edition(&self) -> Option<&str> {
        self.edition.as_deref()
    }

    /// Whether it would be the same if it were read with these secrets.
    pub(super) fn is_read_with(&self, secrets: &Secrets) -> bool {
        self.secrets == *secrets
    }

    /// An agent, and all agents to which it may hand the caller over.
    ///
    /// # Errors
    /// There is no agent of this name, or its file was never valid.
    pub fn team(&self, name: &str) -> Result<Vec<Arc<AgentConfig>>, Problems> {
        let Some(first) = self.agents.get(name) else {
            let file = self.folder.join(format!("{name}.toml"));
            let file = file.display().to_string();
            let mut problems: Vec<_> = self.problems.clone();
            problems.retain(|problem| problem.file == file || problem.file.ends_with(DEFAULTS));
            if problems.is_empty() {
                let names: Vec<&str> = self.agents.keys().map(String::as_str).collect();
                problems.push(ConfigError {
                    file,
                    line: None,
                    message: format!("there is no such agent; there are {}", names.join(", ")),
                });
            }
            return Err(Problems(problems));
        };
        let mut team = vec![Arc::clone(first)];
        let mut next = 0;
        while let Some(agent) = team.get(next).cloned() {
            next += 1;
            for name in agent.leads_to() {
                if let Some(other) = self.agents.get(name)
                    && !team.iter().any(|known| known.name == other.name)
                {
                    team.push(Arc::clone(other));
                }
            }
        }
        Ok(team)
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<&Arc<AgentConfig>> {
        self.agents.get(name)
    }

    /// All agents.
    pub fn agents(&self) -> impl Iterator<Item = &Arc<AgentConfig>> {
        self.agents.values()
    }

    /// The names of all agents.
    pub fn names(&self) -> BTreeSet<String> {
        self.agents.keys().cloned().collect()
    }

    /// The rules for calls that name no agent.
    pub fn routing(&self) -> &Arc<Routing> {
        &self.routing
    }

    /// What is wrong with the files.
    pub fn problems(&self) -> &[ConfigError] {
        &self.problems
    }

    /// The agents' voices that are not OpenAI's.
    pub(super) fn voices(&self) -> BTreeSet<Voice> {
        let voices = self.agents.values().flat_map(|agent| {
            let others = agent.variants.iter().filter_map(|v| v.voice.as_ref());
            others.chain([&agent.voice])
        });
        voices.filter(|voice| !voice.is_known()).cloned().collect()
    }

    /// The sounds that the agents name, on the disk.
    pub(super) fn sounds(&self) -> impl Iterator<Item = &Path> {
        let holding = self
            .agents
            .values()
            .filter_map(|agent| agent.holding.as_ref());
        holding.filter_map(|holding| match &holding.sound {
            Sound::File(path) => Some(path.as_path()),
            Sound::Stored(_) => None,
        })
    }

    /// Whether nothing is wrong with it, and calls that name no agent have one.
    ///
    /// # Errors
    /// All mistakes.
    pub(super) fn check(&self) -> Result<(), Problems> {
        Problems::check(self.problems.clone())?;
        self.team(DEFAULT_AGENT).map(drop)
    }

    /// Logs what the next call finds changed since `before`.
    pub(super) fn announce(&self, before: &Self, on_local_models: bool, is_first: bool) {
        for problem in &self.problems {
            if !before.problems.contains(problem) {
                tracing::error!("{problem}");
            }
        }
        let is_same_place = self.edition.is_some() == before.edition.is_some();
        if is_same_place && self.problems.is_empty() && !before.problems.is_empty() {
            tracing::info!("all agent files are valid again");
        }
        if !is_first && *self.routing != *before.routing {
            tracing::info!("{ROUTING} has changed: the next call uses it");
        }
        for (name, agent) in &self.agents {
            let known = before.agents.get(name).map(|agent| &agent.version);
            if known == Some(&agent.version) {
                continue;
            }
            if let Some(doubtful) = agent.doubtful_on_local_models()
                && on_local_models
            {
                tracing::warn!(agent = name, "{doubtful}; {}", small_model::FIX);
            }
            if !is_first {
                let version = &agent.version;
                let edition = self.edition().map(short);
                tracing::info!(
                    agent = name,
                    version,
                    edition,
                    "the agent's file has changed: the next call uses it"
                );
            }
        }
    }
}

/// Whether a TOML file of the folder belongs to an agent.
fn is_agent(path: &Path) -> bool {
    let name = path.file_name();
    name.is_none_or(|name| name != DEFAULTS && name != ROUTING)
}

/// Reads the routes. The default if there is no such file.
fn routing(
    files: &Files<'_>,
    listed: &Result<BTreeSet<PathBuf>, String>,
) -> Result<Routing, Problems> {
    let path = files.path(ROUTING);
    let text = match files.text(&path) {
        Ok(text) => text,
        Err(error) if error.is_missing() => return Ok(Routing::default()),
        Err(error) => return Err(error.problem(&path, "make it readable or remove it").into()),
    };
    let agents = listed.iter().flatten().filter(|path| is_agent(path));
    let names = agents.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    Routing::read(&path.display().to_string(), &text, &names.collect())
}

/// Makes all agents; an invalid one is replaced by its version from `before`.
fn load(
    files: &Files<'_>,
    listed: &Result<BTreeSet<PathBuf>, String>,
    secrets: &Secrets,
    before: &BTreeMap<String, Arc<AgentConfig>>,
) -> (BTreeMap<String, Arc<AgentConfig>>, Vec<ConfigError>) {
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let problem = ConfigError {
                file: files.folder().display().to_string(),
                line: None,
                message: format!(
                    "cannot be read ({error}); name the folder of agent files with --agents"
                ),
            };
            return (before.clone(), vec![problem]);
        }
    };
    let mut agents = BTreeMap::new();
    let mut problems = Vec::new();
    for path in listed {
        if !is_agent(path) {
            // Each agent requests this file; requesting it here, too, makes it part of the comparison even without
            // agents.
            let _ = files.text(path);
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        match AgentConfig::load_from(files, path, secrets) {
            Ok(agent) => {
                agents.insert(name.into_owned(), Arc::new(agent));
            }
            Err(Problems(found)) => {
                problems.extend(found);
                if let Some(good) = before.get(name.as_ref()) {
                    agents.insert(name.into_owned(), Arc::clone(good));
                }
            }
        }
    }
    for (name, message) in handoffs::wrong(&agents) {
        problems.push(ConfigError {
            file: files.path(&format!("{name}.toml")).display().to_string(),
            line: None,
            message,
        });
        match before.get(&name) {
            Some(good) => agents.insert(name, Arc::clone(good)),
            None => agents.remove(&name),
        };
    }
    problems.sort();
    problems.dedup();
    (agents, problems)
}
