//! Scenario files: what a caller says, and what must come of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

/// A conversation and its expectations.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without its extension.
    #[serde(skip)]
    pub name: String,
    /// The file.
    #[serde(skip)]
    pub file: PathBuf,
    /// A description.
    #[serde(default)]
    pub about: String,
    /// The agent that answers.
    pub agent: String,
    /// The caller's name.
    #[serde(default = "caller")]
    pub caller: String,
    /// Values for the prompt's variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// What tools with a server answer, by their names, in place of the server.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
    /// Turns, in order.
    #[serde(default)]
    pub turns: Vec<ScenarioTurn>,
    /// A model that continues as the caller after these turns.
    #[serde(default)]
    pub simulated: Option<Simulated>,
}

/// A caller played by a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulated {
    /// Who calls, and how such a person talks.
    pub persona: String,
    /// What the caller wants. Once the caller has it, or cannot get it, the caller hangs up.
    pub goal: String,
    /// The maximum number of turns.
    #[serde(default = "max_turns")]
    pub max_turns: usize,
    /// All must hold for the whole conversation.
    #[serde(default)]
    pub expect: Vec<Expect>,
}

fn max_turns() -> usize {
    8
}

/// What the caller says, and the expectations of the answer.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioTurn {
    /// The caller's words.
    #[serde(default)]
    pub caller: String,
    /// A recording to use in place of words (WAV), relative to the scenario's file: speech recognition transcribes it
    /// first.
    #[serde(default)]
    pub wav: Option<PathBuf>,
    /// All must hold.
    #[serde(default)]
    pub expect: Vec<Expect>,
}

/// Something that must hold for an answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Expect {
    /// The answer contains these words; case is ignored.
    Contains(String),
    /// The answer matches this regular expression; case is ignored.
    Matches(String),
    /// The answer does not match this regular expression; case is ignored.
    Never(String),
    /// This tool was called, with at least these arguments.
    Tool {
        /// Its name.
        name: String,
        /// Arguments that must be among the given ones.
        #[serde(default)]
        with: BTreeMap<String, Value>,
        /// Whether it must have succeeded or failed. `None` accepts both.
        #[serde(default)]
        ok: Option<bool>,
    },
    /// This tool was not called.
    NoTool(String),
    /// The caller was handed to this agent.
    Handoff(String),
    /// The agent hung up.
    Ended(bool),
    /// The first words came within this many milliseconds; ignored with recorded answers.
    WithinMs(u64),
    /// A model judges this to be true of the answer.
    Judge(String),
}

fn caller() -> String {
    "Ada".into()
}

impl Scenario {
    /// Reads one file.
    ///
    /// # Errors
    /// If it cannot be read, is not a scenario, has no turn, or has an invalid regular expression.
    pub fn load(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("{shown}"))?;
        let mut scenario: Self = toml::from_str(&text).with_context(|| format!("{shown}"))?;
        scenario.name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into();
        scenario.file = file.to_owned();
        anyhow::ensure!(
            !scenario.turns.is_empty() || scenario.simulated.is_some(),
            "{shown}: there are no [[turns]]; write one with caller = \"…\", or a caller whom a \
             model plays, under [simulated]"
        );
        for (number, turn) in scenario.turns.iter_mut().enumerate() {
            anyhow::ensure!(
                turn.caller.is_empty() != turn.wav.is_none(),
                "{shown}: turn {}: write caller = \"…\" or wav = \"FILE.wav\", one of them",
                number + 1
            );
            let folder = file.parent().unwrap_or(Path::new(""));
            turn.wav = turn.wav.take().map(|wav| folder.join(wav));
        }
        let of_turns = scenario.turns.iter().flat_map(|turn| &turn.expect);
        let of_all = scenario.simulated.iter().flat_map(|played| &played.expect);
        for expect in of_turns.chain(of_all) {
            if let Expect::Matches(pattern) | Expect::Never(pattern) = expect {
                pattern_of(pattern).with_context(|| format!("{shown}: {pattern:?}"))?;
            }
        }
        Ok(scenario)
    }

    /// The file with its recorded answers.
    pub fn recording(&self) -> PathBuf {
        self.file.with_extension("recorded.json")
    }
}

/// A regular expression of a scenario.
///
/// # Errors
/// If it is invalid.
pub fn pattern_of(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::Regex::new(&format!("(?i){pattern}"))
}

/// All scenarios of files and folders, by name.
///
/// # Errors
/// If there are none; see also [`Scenario::load`].
pub fn load_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Scenario>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).with_context(|| format!("{}", path.display()))? {
                files.push(entry?.path());
            }
        } else {
            files.push(path.clone());
        }
    }
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    let scenarios: Vec<_> = files
        .iter()
        .map(|f| Scenario::load(f))
        .collect::<Result<_, _>>()?;
    anyhow::ensure!(
        !scenarios.is_empty(),
        "there are no scenarios in {}; they are TOML files",
        paths
            .iter()
            .map(|p| p.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(scenarios)
}
