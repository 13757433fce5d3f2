//! The folder of agents. Files are read again whenever one changes: the next call uses a valid change, running calls
//! keep what they began with, and an invalid file never replaces a valid one.
//!
//! Each pass reads each file once, compares the texts with those of the last pass, and makes the agents from the same
//! texts: a file that is saved in the meantime is a change for the next pass, and is never missed.

mod handoffs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::agent::{AgentConfig, ConfigError, DEFAULT_AGENT, DEFAULTS, Problems, small_model};
use super::choices::UserChoices;
use super::files::{self, Files, Read, Texts};
use super::routing::{ROUTING, Routing};
use super::secret::Secrets;
use super::voice::Voice;

/// How often files are checked while there are no calls, so that a mistake appears in the log immediately.
const EVERY: Duration = Duration::from_millis(300);

/// All agents of a folder, in their latest valid versions.
#[derive(Debug)]
pub struct AgentFolder {
    folder: PathBuf,
    secrets: Secrets,
    /// Whether the process uses the models on this machine.
    on_local_models: bool,
    state: Mutex<State>,
}

/// The names of the agents that a call may request, at the moment.
#[derive(Clone, Debug)]
pub enum AgentNames {
    /// Always these.
    Fixed(BTreeSet<String>),
    /// Those of a folder's valid files.
    In(Arc<AgentFolder>),
}

impl AgentNames {
    /// The current names.
    pub fn now(&self) -> BTreeSet<String> {
        match self {
            Self::Fixed(names) => names.clone(),
            Self::In(folder) => folder.names(),
        }
    }

    /// Those that users may ask for: the default one, also while its file cannot be read, and those whose files
    /// say so.
    pub fn open_to_users(&self) -> BTreeSet<String> {
        let may = |name: &String| self.choices(name).is_some_and(|choices| choices.may_choose);
        let mut open: BTreeSet<String> = self.now().into_iter().filter(may).collect();
        open.insert(DEFAULT_AGENT.to_owned());
        open
    }

    /// What users may choose about one of them; none: there is no such agent.
    pub fn choices(&self, name: &str) -> Option<UserChoices> {
        match self {
            Self::Fixed(names) => names.contains(name).then(UserChoices::default),
            Self::In(folder) => {
                let agent = folder.state().agents.get(name).cloned();
                agent.map(|agent| agent.user.clone())
            }
        }
    }

    /// The voices that a call may request: OpenAI's, then any others that agents have.
    pub fn voices(&self) -> Vec<String> {
        let mut voices = Voice::KNOWN.map(str::to_owned).to_vec();
        if let Self::In(folder) = self {
            voices.extend(folder.voices().iter().map(Voice::to_string));
        }
        voices
    }
}

impl Default for AgentNames {
    fn default() -> Self {
        Self::Fixed(BTreeSet::new())
    }
}

/// What a look at the folder has read.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The TOML files in the folder, or why it cannot be read.
    listed: Result<BTreeSet<PathBuf>, String>,
    /// These files, and the prompts that they name.
    texts: Texts,
    /// The secrets that they may name, with their values at the time.
    secrets: Secrets,
}

impl Seen {
    /// Reads the current TOML files, and everything that was read before.
    fn look(folder: &Path, before: Option<&Self>, secrets: &Secrets, read: Read<'_>) -> Self {
        let listed = listed(folder);
        let known = before.into_iter().flat_map(|seen| seen.texts.keys());
        let paths: BTreeSet<&PathBuf> = listed.iter().flatten().chain(known).collect();
        let texts = paths.into_iter();
        let texts = texts.map(|path| (path.clone(), files::text_of(path, read)));
        Self {
            texts: texts.collect(),
            secrets: secrets.fixed(),
            listed,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    seen: Option<Seen>,
    agents: BTreeMap<String, Arc<AgentConfig>>,
    routing: Arc<Routing>,
    problems: Vec<ConfigError>,
}

impl AgentFolder {
    /// Reads the folder. [`AgentFolder::problems`] lists what is wrong in it.
    pub fn open(folder: impl Into<PathBuf>, secrets: Secrets) -> Self {
        Self::open_on(folder.into(), secrets, false)
    }

    /// Like [`AgentFolder::open`]; with local models, the log names what each agent lacks on them, once per version of
    /// its file.
    pub fn open_on(folder: PathBuf, secrets: Secrets, local_models: bool) -> Self {
        let this = Self {
            folder,
            secrets,
            on_local_models: local_models,
            state: Mutex::default(),
        };
        this.refresh();
        this
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files again if any has changed, and logs the outcome.
    pub fn refresh(&self) {
        self.refresh_by(&files::from_disk);
    }

    fn refresh_by(&self, read: Read<'_>) {
        let mut state = self.state();
        let seen = Seen::look(&self.folder, state.seen.as_ref(), &self.secrets, read);
        if state.seen.as_ref() == Some(&seen) {
            return;
        }
        let is_first = state.seen.is_none();
        let files = Files::with(&self.folder, read, seen.texts);
        let (agents, mut problems) = load(&files, &seen.listed, &seen.secrets, &state.agents);
        let routing = match routing(&files, &seen.listed) {
            Ok(routing) => Arc::new(routing),
            Err(Problems(found)) => {
                problems.extend(found);
                problems.sort();
                Arc::clone(&state.routing)
            }
        };
        if !is_first && *routing != *state.routing {
            tracing::info!("the next call is routed by the changed {ROUTING}");
        }
        // Prompts that are named only since now were read in this pass, and are compared from now on.
        let seen = Seen {
            listed: seen.listed,
            texts: files.into_texts(),
            secrets: seen.secrets,
        };
        for (name, agent) in &agents {
            let before = state.agents.get(name).map(|agent| &agent.version);
            let is_new = before != Some(&agent.version);
            if let Some(doubtful) = agent.doubtful_on_local_models()
                && self.on_local_models
                && is_new
            {
                tracing::warn!(agent = name, "{doubtful}; {}", small_model::FIX);
            }
            if !is_first && is_new {
                let version = &agent.version;
                tracing::info!(
                    agent = name,
                    version,
                    "the agent's file has changed: the next call uses it"
                );
            }
        }
        for problem in problems.iter().filter(|p| !state.problems.contains(p)) {
            tracing::error!("{problem}");
        }
        if problems.is_empty() && !state.problems.is_empty() {
            tracing::info!("all agent files are valid again");
        }
        *state = State {
            seen: Some(seen),
            agents,
            routing,
            problems,
        };
    }

    /// The agent for a call that begins now, and all agents to which it may be handed over.
    ///
    /// # Errors
    /// There is no agent of this name, or its file was never valid.
    pub fn team(&self, name: &str) -> Result<Vec<Arc<AgentConfig>>, Problems> {
        self.refresh();
        let state = self.state();
        let Some(first) = state.agents.get(name) else {
            let file = self.file(name);
            let mut problems: Vec<_> = state.problems.clone();
            problems.retain(|problem| problem.file == file || problem.file.ends_with(DEFAULTS));
            if problems.is_empty() {
                let names: Vec<&str> = state.agents.keys().map(String::as_str).collect();
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
                if let Some(other) = state.agents.get(name)
                    && !team.iter().any(|known| known.name == other.name)
                {
                    team.push(Arc::clone(other));
                }
            }
        }
        Ok(team)
    }

    /// The rules for calls that name no agent.
    pub fn routing(&self) -> Arc<Routing> {
        self.refresh();
        Arc::clone(&self.state().routing)
    }

    /// The names of all agents.
    pub fn names(&self) -> BTreeSet<String> {
        self.state().agents.keys().cloned().collect()
    }

    /// The agents' voices that are not OpenAI's.
    fn voices(&self) -> BTreeSet<Voice> {
        let state = self.state();
        let agents = state.agents.values();
        let voices = agents.flat_map(|agent| {
            let others = agent.variants.iter().filter_map(|v| v.voice.as_ref());
            others.chain([&agent.voice])
        });
        voices.filter(|voice| !voice.is_known()).cloned().collect()
    }

    /// All agents, in their latest valid versions.
    pub fn agents(&self) -> Vec<Arc<AgentConfig>> {
        self.state().agents.values().cloned().collect()
    }

    /// All current problems with the files.
    pub fn problems(&self) -> Vec<ConfigError> {
        self.state().problems.clone()
    }

    /// Checks the files periodically, until `stop`.
    pub async fn watch(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(EVERY))
            .await
            .is_some()
        {
            self.refresh();
        }
    }

    fn file(&self, name: &str) -> String {
        let path = self.folder.join(format!("{name}.toml"));
        path.display().to_string()
    }
}

/// The TOML files of the folder.
fn listed(folder: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    Ok(paths.filter(is_toml).collect())
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

#[cfg(test)]
mod tests;
