//! The folder of agents. Files are read again whenever one changes: the next call uses a valid change, running calls
//! keep what they began with, and an invalid file never replaces a valid one.
//!
//! Each pass reads each file once, compares the texts with those of the last pass, and makes the agents from the same
//! texts: a file that is saved in the meantime is a change for the next pass, and is never missed.
//!
//! Where a pool shares an [edition](super::edition), a folder [follows](AgentFolder::follow) it: its agents take the
//! place of those of the files.

mod handoffs;
mod roster;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::agent::{AgentConfig, ConfigError, DEFAULT_AGENT, Problems};
use super::choices::UserChoices;
use super::edition::{Edition, name_in};
use super::files::{self, Files, Read, Texts};
use super::routing::Routing;
use super::secret::Secrets;
use super::sound::Sound;
use super::voice::Voice;
pub use roster::Roster;

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
                let known = folder.known();
                known.agent(name).map(|agent| agent.user.clone())
            }
        }
    }

    /// The voices that a call may request: OpenAI's, then any others that agents have.
    pub fn voices(&self) -> Vec<String> {
        let mut voices = Voice::KNOWN.map(str::to_owned).to_vec();
        if let Self::In(folder) = self {
            voices.extend(folder.known().voices().iter().map(Voice::to_string));
        }
        voices
    }
}

impl Default for AgentNames {
    fn default() -> Self {
        Self::Fixed(BTreeSet::new())
    }
}

/// The size of a file, and when it was saved.
type Stamp = (u64, SystemTime);

/// What a look at the folder has read.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The TOML files in the folder, or why it cannot be read.
    listed: Result<BTreeSet<PathBuf>, String>,
    /// These files, and the prompts that they name.
    texts: Texts,
    /// The sounds that they name: too large to be read again at each look.
    sounds: BTreeMap<PathBuf, Option<Stamp>>,
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
        let sounds = before.into_iter().flat_map(|seen| seen.sounds.keys());
        Self {
            texts: texts.collect(),
            sounds: stamps(sounds.map(PathBuf::as_path)),
            secrets: secrets.fixed(),
            listed,
        }
    }
}

/// What is known of the files.
#[derive(Debug, Default)]
struct State {
    seen: Option<Seen>,
    /// How often something was new.
    changes: u64,
    /// The agents of the folder.
    own: Arc<Roster>,
    /// Those that take their place.
    followed: Option<Arc<Roster>>,
}

impl State {
    fn now(&self) -> &Arc<Roster> {
        self.followed.as_ref().unwrap_or(&self.own)
    }
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
        let own = Roster::read(&files, &seen.listed, &seen.secrets, &state.own);
        // Changes of files that no call uses are no news.
        let is_quiet = is_first || state.followed.is_some();
        own.announce(&state.own, self.on_local_models, is_quiet);
        // Prompts and sounds that are named only since now were read in this pass, and are compared from now on.
        state.seen = Some(Seen {
            listed: seen.listed,
            texts: files.into_texts(),
            sounds: stamps(own.sounds()),
            secrets: seen.secrets,
        });
        state.own = Arc::new(own);
        state.changes += 1;
    }

    /// The agents that calls are held with now: those of the files, or of the edition that is followed.
    pub fn now(&self) -> Arc<Roster> {
        let follows = self.state().followed.is_some();
        if !follows {
            self.refresh();
        }
        self.known()
    }

    /// Like [`AgentFolder::now`], as last read.
    pub fn known(&self) -> Arc<Roster> {
        Arc::clone(self.state().now())
    }

    /// Those of the folder, whatever edition is followed.
    pub fn own(&self) -> Arc<Roster> {
        self.refresh();
        Arc::clone(&self.state().own)
    }

    /// The agents of an edition, with the secrets of this process.
    ///
    /// # Errors
    /// The default agent has mistakes here, such as a secret that is not set. Those of others are logged when the
    /// edition is followed, and such agents are missing.
    pub fn read(&self, edition: &Edition) -> Result<Roster, Problems> {
        let roster = Roster::of(edition, &self.secrets.fixed());
        roster.team(DEFAULT_AGENT)?;
        Ok(roster)
    }

    /// From now on calls are held with these agents, and not with those of the folder.
    pub fn follow(&self, edition: Arc<Roster>) {
        let mut state = self.state();
        edition.announce(state.now(), self.on_local_models, false);
        state.followed = Some(edition);
    }

    /// Whether nothing has changed on this machine since these agents were read.
    pub fn is_up_to_date(&self, roster: &Roster) -> bool {
        roster.is_read_with(&self.secrets.fixed())
    }

    /// How often the folder was found changed: it stays the same while nobody saves a file.
    pub fn changes(&self) -> u64 {
        self.refresh();
        self.state().changes
    }

    /// All files that the agents of the folder consist of, as they are now.
    ///
    /// # Errors
    /// Everything that is wrong with them: such files are for no other machine.
    pub fn edition(&self) -> Result<Edition, Problems> {
        self.refresh();
        let files: BTreeMap<String, Arc<[u8]>> = {
            let state = self.state();
            state.own.check()?;
            let texts = state.seen.iter().flat_map(|seen| &seen.texts);
            let texts = texts.filter_map(|(path, text)| {
                let text: Arc<[u8]> = text.as_ref().ok()?.as_bytes().into();
                Some((name_in(&self.folder, path), text))
            });
            let sounds = state.own.sounds().filter_map(|path| {
                let content = Sound::File(path.to_owned()).content().ok()?;
                Some((name_in(&self.folder, path), content))
            });
            texts.chain(sounds).collect()
        };
        let edition = Edition::new(files).map_err(|error| ConfigError {
            file: self.folder.display().to_string(),
            line: None,
            message: error.to_string(),
        })?;
        Problems::check(edition.leaks(&self.secrets))?;
        // A sound may have been saved meanwhile: what is published is what was checked.
        Roster::of(&edition, &self.secrets.fixed()).check()?;
        Ok(edition)
    }

    /// The agent for a call that begins now, and all agents to which it may be handed over.
    ///
    /// # Errors
    /// There is no agent of this name, or its file was never valid.
    pub fn team(&self, name: &str) -> Result<Vec<Arc<AgentConfig>>, Problems> {
        self.now().team(name)
    }

    /// The rules for calls that name no agent.
    pub fn routing(&self) -> Arc<Routing> {
        Arc::clone(self.now().routing())
    }

    /// The names of all agents.
    pub fn names(&self) -> BTreeSet<String> {
        self.known().names()
    }

    /// All agents, in their latest valid versions.
    pub fn agents(&self) -> Vec<Arc<AgentConfig>> {
        self.known().agents().cloned().collect()
    }

    /// All current problems with the files of the folder.
    pub fn problems(&self) -> Vec<ConfigError> {
        self.state().own.problems().to_vec()
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
}

/// What tells that a sound was saved: its size and time.
fn stamps<'a>(sounds: impl Iterator<Item = &'a Path>) -> BTreeMap<PathBuf, Option<Stamp>> {
    let stamp = |path: &Path| {
        let about = path.metadata().ok()?;
        Some((about.len(), about.modified().ok()?))
    };
    sounds.map(|path| (path.to_owned(), stamp(path))).collect()
}

/// The TOML files of the folder.
fn listed(folder: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    Ok(paths.filter(is_toml).collect())
}

#[cfg(test)]
mod tests;
