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
    /// How long the stages take where a spoken conversation is simulated.
    #[serde(default)]
    pub delays: Delays,
    /// Turns, in order.
    #[serde(default)]
    pub turns: Vec<ScenarioTurn>,
    /// A model that continues as the caller after these turns.
    #[serde(default)]
    pub simulated: Option<Simulated>,
}

/// How long speech recognition, the model and the voice take on a simulated clock, in milliseconds. The defaults are
/// what hosted ones take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delays {
    /// From the end of speech to its words.
    pub stt_ms: u64,
    /// From the question to the first words of the answer.
    pub llm_ms: u64,
    /// From a sentence to its first sound.
    pub tts_ms: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            stt_ms: 200,
            llm_ms: 400,
            tts_ms: 200,
        }
    }
}

/// A caller whom a model plays.
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
    /// The caller speaks: `--record` makes its voice and keeps it beside the scenario.
    #[serde(default)]
    pub spoken: bool,
    /// All must hold of the whole conversation.
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
    /// How the words sound (WAV), relative to the scenario's file: the recording is played into the call, with the
    /// pauses that it has, and speech recognition hears the words in it.
    #[serde(default)]
    pub sound: Option<PathBuf>,
    /// The caller begins when the agent has spoken for so many milliseconds, not when it has finished.
    #[serde(default)]
    pub talks_over_ms: Option<u64>,
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
    /// Spoken turns: the agent began to answer while the caller had more to say.
    CutOff(bool),
    /// Spoken turns: the caller began while the agent spoke, and the agent fell silent.
    Interrupted(bool),
    /// Spoken turns: it did so within so many milliseconds.
    StopsWithinMs(u64),
    /// A model finds that this is true of the answer.
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
        for (number, turn) in (1..).zip(&mut scenario.turns) {
            if let Some(wrong) = turn.wrong() {
                anyhow::bail!("{shown}: turn {number}: {wrong}");
            }
            let folder = file.parent().unwrap_or(Path::new(""));
            turn.wav = turn.wav.take().map(|wav| folder.join(wav));
            turn.sound = turn.sound.take().map(|sound| folder.join(sound));
        }
        if let Some(played) = &scenario.simulated
            && !scenario.is_spoken()
            && let Some(key) = needs_sound(&played.expect)
        {
            anyhow::bail!("{shown}: {key} needs a caller who speaks: [simulated] spoken = true");
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

    /// Whether some of it is spoken, so that all of it is held in time.
    pub fn is_spoken(&self) -> bool {
        let is_played = self.simulated.as_ref().is_some_and(|played| played.spoken);
        is_played || self.turns.iter().any(|turn| turn.sound.is_some())
    }

    /// Where its recorded answers are.
    pub fn recording(&self) -> PathBuf {
        self.file.with_extension("recorded.json")
    }
}

impl ScenarioTurn {
    /// What is wrong with it, and how to write it.
    fn wrong(&self) -> Option<String> {
        if self.sound.is_some() && self.wav.is_some() {
            return Some(
                "write sound = \"FILE.wav\" with caller = \"its words\"; wav = \"FILE.wav\" is for \
                 recordings that are heard by speech recognition alone"
                    .to_owned(),
            );
        }
        if self.sound.is_some() && self.caller.is_empty() {
            let what = "write caller = \"…\" beside sound: the words that are in it";
            return Some(what.to_owned());
        }
        if self.caller.is_empty() == self.wav.is_none() {
            let what = "write caller = \"…\" or wav = \"FILE.wav\", one of them";
            return Some(what.to_owned());
        }
        let talks_over = self.talks_over_ms.map(|_| "talks_over_ms");
        let key = talks_over.or_else(|| needs_sound(&self.expect))?;
        let what = format!("{key} needs a turn that is spoken: write sound = \"FILE.wav\"");
        self.sound.is_none().then_some(what)
    }
}

/// An expectation that only those who speak can have.
fn needs_sound(expect: &[Expect]) -> Option<&'static str> {
    expect.iter().find_map(|expect| match expect {
        Expect::CutOff(_) => Some("cut_off"),
        Expect::Interrupted(_) => Some("interrupted"),
        Expect::StopsWithinMs(_) => Some("stops_within_ms"),
        _ => None,
    })
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
        "there are no scenarios in {}; scenarios are TOML files",
        paths
            .iter()
            .map(|p| p.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(scenarios)
}
