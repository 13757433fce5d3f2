//! An agent's configuration: one TOML file in `agent-config/` over `defaults.toml`, and the
//! prompt file that it names. Parsed once, raw to valid.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::env::Secrets;
pub use super::manners::{Limits, SilenceConfig, VadConfig};
use super::manners::{endpointing, interruption, limits, ms, secs, silence, vad};
use super::mcp::{self, McpServer};
pub use super::problem::{ConfigError, Problems};
use super::providers::{self, Stages};
use super::recording::RecordingMode;
use super::request::{self, HttpRequest, root};
use super::result::{self, ResultConfig};
use super::section::{Reader, Section, Source, Text};
use super::template;
use super::tools::{self, Tool};
use super::variants::{self, Variant};
pub use super::voice::{UnknownVoice, Voice};
use crate::turn;

/// Everything that makes one agent: voice, prompt, tools, and the numbers of its manners.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentConfig {
    /// The file's name without its ending.
    pub name: String,
    /// What it is for: other agents' models read it before they hand a caller over.
    pub description: String,
    /// Hash of all text that it was read from: which version a call ran.
    pub version: String,
    /// Where its prompt was read.
    pub prompt_file: std::path::PathBuf,
    /// The voice of all its speech.
    pub voice: Voice,
    /// Who is asked for words, answers and speech.
    pub stages: Stages,
    /// System prompt; `{{variables}}` are filled in by [`AgentConfig::for_call`].
    pub system_prompt: String,
    /// Said when the caller joins; empty: the agent waits to be spoken to.
    pub greeting: String,
    /// How its calls are recorded; none: as the process's environment says.
    pub recording: Option<RecordingMode>,
    /// Said before the greeting of a call that is recorded; empty: nothing.
    pub recording_announcement: String,
    /// Said when a stage fails.
    pub apology: String,
    /// Said when tools take longer than `filler_after`; empty: silence.
    pub filler: String,
    /// See `filler`.
    pub filler_after: Duration,
    /// BCP 47 language of the conversation, a hint for STT; none: STT detects it.
    pub language: Option<String>,
    /// How certain words are said: written form to spoken form.
    pub pronunciations: BTreeMap<String, String>,
    /// Values for `{{variables}}` that a call does not set.
    pub variables: BTreeMap<String, String>,
    /// Variables that each call must set.
    pub required_variables: Vec<String>,
    /// Asked before the greeting; its answer is `{{ lookup }}`.
    pub lookup: Option<HttpRequest>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whose tools it may call, too.
    pub mcp: Vec<McpServer>,
    /// What its calls come to.
    pub result: ResultConfig,
    /// Versions of it that get a share of its calls.
    pub variants: Vec<Variant>,
    /// The one that this is, once a call has chosen.
    pub variant: Option<String>,
    /// Voice activity detection.
    pub vad: VadConfig,
    /// Endpointing, interruption and speculation.
    pub turn: turn::Config,
    /// Deadlines of a call's stages and of the call itself.
    pub limits: Limits,
    /// What happens when nobody speaks.
    pub silence: SilenceConfig,
    /// What templates can use in this call, an object; empty before [`AgentConfig::for_call`].
    pub values: Value,
    templates: Templates,
}

/// Texts before their variables are filled in.
#[derive(Debug, Clone, PartialEq, Default)]
struct Templates {
    system_prompt: String,
    greeting: String,
    recording_announcement: String,
    apology: String,
    filler: String,
}

/// What one call changes about its agent (the dispatch's metadata).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    /// Another voice.
    pub voice: Option<Voice>,
    /// Another system prompt; its `{{variables}}` are filled in too.
    pub system_prompt: Option<String>,
    /// Values for `{{variables}}`.
    pub variables: BTreeMap<String, String>,
    /// `{{ call.id }}`.
    pub call_id: Option<String>,
    /// Recorded in another way, or not.
    pub recording: Option<RecordingMode>,
}

/// Names that templates know in every call; no variable may be called so.
const RESERVED: [&str; 5] = ["caller", "call", "lookup", "args", "secret"];
/// Where all agents' defaults are, beside their files.
pub const DEFAULTS: &str = "defaults.toml";
/// A system prompt longer than this is a mistake: it would cost seconds on every turn.
pub const MAX_PROMPT_CHARS: usize = 32_000;
const GREETING: &str = "Hello! How can I help you today?";
const APOLOGY: &str = "I'm sorry, something went wrong on my side. Could you say that again?";
const FILLER: &str = "One moment, please.";

impl AgentConfig {
    /// Reads and checks a file, the `defaults.toml` beside it, and the prompt file that they name
    /// (relative to the file's folder).
    ///
    /// # Errors
    /// All at once: what cannot be read or is no TOML, unknown keys, values out of their range,
    /// variables without a value, secrets that are not set.
    pub fn load(path: &Path, secrets: &Secrets) -> Result<Self, Problems> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let text = read(path, "name an agent's TOML file of agent-config/")?;
        let defaults_path = folder.join(DEFAULTS);
        let defaults = if defaults_path.exists() {
            read(&defaults_path, "it holds what all agents have in common")?
        } else {
            String::new()
        };
        let (file, defaults_file) = (
            path.display().to_string(),
            defaults_path.display().to_string(),
        );
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let sources = [
            Source {
                file: &file,
                text: &text,
            },
            Source {
                file: &defaults_file,
                text: &defaults,
            },
        ];
        Self::parse(&sources, &name, folder, secrets)
    }

    fn parse(
        sources: &[Source<'_>],
        name: &str,
        folder: &Path,
        secrets: &Secrets,
    ) -> Result<Self, Problems> {
        let reader = Reader::default();
        let agent = Self::read(&reader, sources, name, folder, secrets);
        Problems::check(reader.into_problems())?;
        Ok(agent)
    }

    /// Reads every key; complaints go to `reader`.
    pub(super) fn read(
        reader: &Reader,
        sources: &[Source<'_>],
        name: &str,
        folder: &Path,
        secrets: &Secrets,
    ) -> Self {
        let mut top = Section::parse(reader, sources);
        let description = words(top.text("description"), "");
        let voice = read_voice(&mut top);
        let (system_prompt, prompt_file) = prompt(&mut top, reader, folder);
        let greeting = top.text("greeting");
        let recording = read_recording(&mut top);
        let announcement = top.text("recording_announcement");
        let apology = top.text("apology");
        let filler = top.text("filler");
        let filler_after = top.duration("filler_after", ms(1200), ms(100)..=secs(30));
        let language = top.text("language").map(|text| text.value);
        let plain = |map: BTreeMap<String, Text<'_>>| {
            let plain = map.into_iter().map(|(name, text)| (name, text.value));
            plain.collect::<BTreeMap<_, _>>()
        };
        let pronunciations = plain(top.map("pronunciations"));
        let variables = top.map("variables");
        for (name, text) in &variables {
            if RESERVED.contains(&name.as_str()) {
                let message =
                    format!("variables.{name}: the name has a meaning of its own; use another");
                top.complain(&text.place, message);
            }
        }
        let variables = plain(variables);
        let required_variables = top.list("required_variables", Vec::new());
        let has_lookup = !top.lacks("lookup");
        let known = |name: &str| match root(name) {
            "caller" => matches!(
                name.split('.').nth(1),
                None | Some("name" | "identity" | "attributes")
            ),
            "call" => name == "call" || name == "call.id",
            "lookup" => has_lookup,
            name => variables.contains_key(name) || required_variables.iter().any(|r| r == name),
        };
        for (key, text) in [
            ("greeting", &greeting),
            ("recording_announcement", &announcement),
            ("apology", &apology),
            ("filler", &filler),
        ] {
            if let Some(text) = text {
                request::check_template(&top, key, text, &known);
            }
        }
        check_prompt_variables(reader, &prompt_file, &system_prompt, &known);
        let mut lookup = top.section("lookup");
        let request = request::read(&mut lookup, secrets, ms(800), &known);
        if has_lookup && request.is_none() {
            lookup.complain_here("lookup.url is missing; write the address to ask");
        }
        lookup.finish();
        let tools = tools::read(&mut top, secrets, &known);
        let mcp = mcp::read(&mut top, secrets);
        let result = result::read(&mut top);
        let variants = read_variants(&mut top, reader, folder, &known);
        let stages = providers::read(&mut top, secrets);
        let templates = Templates {
            system_prompt,
            greeting: words(greeting, GREETING),
            recording_announcement: words(announcement, ""),
            apology: words(apology, APOLOGY),
            filler: words(filler, FILLER),
        };
        let agent = Self {
            name: name.to_owned(),
            description,
            version: version(sources, &templates.system_prompt, &variants),
            prompt_file: prompt_file.into(),
            voice,
            stages,
            system_prompt: templates.system_prompt.clone(),
            greeting: templates.greeting.clone(),
            recording,
            recording_announcement: templates.recording_announcement.clone(),
            apology: templates.apology.clone(),
            filler: templates.filler.clone(),
            filler_after,
            language,
            pronunciations,
            variables,
            required_variables,
            lookup: request,
            tools,
            mcp,
            result,
            variants,
            variant: None,
            vad: vad(top.section("vad")),
            turn: turn::Config {
                speculative: top.flag("preemptive_generation", true),
                endpointing: endpointing(top.section("endpointing")),
                interruption: interruption(top.section("interruption")),
            },
            limits: limits(top.section("limits")),
            silence: silence(top.section("silence")),
            values: json!({}),
            templates,
        };
        top.finish();
        agent
    }

    /// The version of this agent that holds a call.
    pub fn variant_of(&self, call_id: Uuid) -> Self {
        let mut agent = self.clone();
        let Some(chosen) = variants::choose(&self.variants, call_id) else {
            return agent;
        };
        agent.variant = Some(chosen.name.clone());
        if let Some((prompt, _)) = &chosen.prompt {
            agent.templates.system_prompt.clone_from(prompt);
        }
        if let Some(greeting) = &chosen.greeting {
            agent.templates.greeting.clone_from(greeting);
        }
        agent.voice = chosen.voice.unwrap_or(agent.voice);
        if let (Some(llm), Some(first)) = (&chosen.llm, agent.stages.llm.providers.first_mut()) {
            first.model = Some(llm.clone());
        }
        agent
    }

    /// The agent of one call: overrides applied, `{{variables}}` filled in. What is known of the
    /// caller and of the lookup comes later, with [`AgentConfig::with`].
    ///
    /// # Errors
    /// A variable has no value, or the prompt is empty or longer than [`MAX_PROMPT_CHARS`].
    pub fn for_call(&self, overrides: &Overrides) -> Result<Self, Problems> {
        let mut call = self.clone();
        call.variables.extend(overrides.variables.clone());
        call.voice = overrides.voice.unwrap_or(self.voice);
        call.recording = overrides.recording.or(self.recording);
        if let Some(prompt) = &overrides.system_prompt {
            call.templates.system_prompt.clone_from(prompt);
            call.version += &format!("+{}", hash([prompt.as_str()]));
        }
        let problem = |what: &str, line: Option<usize>, message: String| ConfigError {
            file: format!("agent {}, {what}", self.name),
            line,
            message,
        };
        let mut problems = Vec::new();
        for name in &self.required_variables {
            if !call.variables.contains_key(name) {
                let message =
                    format!("no value for {{{{{name}}}}}; set it in the call's variables");
                problems.push(problem("required_variables", None, message));
            }
        }
        for (what, text) in call.templates.all() {
            for name in template::variables(text) {
                let root = root(&name);
                if !RESERVED.contains(&root) && !call.variables.contains_key(root) {
                    let message = format!(
                        "no value for {{{{{name}}}}}; set it in the call's variables, or a default \
                         under [variables]"
                    );
                    problems.push(problem(what, Some(template::line_of(text, &name)), message));
                }
            }
        }
        let mut values: serde_json::Map<String, Value> = call
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        values.insert("call".into(), json!({"id": overrides.call_id}));
        call.values = values.into();
        problems.extend(call.fill());
        if let Err(message) = check_prompt(&call.system_prompt) {
            problems.push(problem("prompt", None, message));
        }
        Problems::check(problems)?;
        Ok(call)
    }

    /// The agent with one more value that its templates can use: `caller`, `lookup`. A text that
    /// cannot be filled in stays as it was, and is told of.
    pub fn with(&self, name: &str, value: Value) -> (Self, Vec<ConfigError>) {
        let mut agent = self.clone();
        agent.values[name] = value;
        let problems = agent.fill();
        (agent, problems)
    }

    fn fill(&mut self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        let Templates {
            system_prompt,
            greeting,
            recording_announcement,
            apology,
            filler,
        } = &self.templates;
        for (what, text, into) in [
            ("prompt", system_prompt, &mut self.system_prompt),
            ("greeting", greeting, &mut self.greeting),
            (
                "recording_announcement",
                recording_announcement,
                &mut self.recording_announcement,
            ),
            ("apology", apology, &mut self.apology),
            ("filler", filler, &mut self.filler),
        ] {
            match template::fill(text, &self.values) {
                Ok(filled) => *into = filled,
                Err((line, message)) => problems.push(ConfigError {
                    file: format!("agent {}, {what}", self.name),
                    line: Some(line),
                    message,
                }),
            }
        }
        problems
    }

    /// The greeting begins by telling that the call is recorded, where callers have to be told.
    pub fn announce_recording(&mut self) {
        let join = |announcement: &str, greeting: &str| {
            let both = if announcement.is_empty() {
                greeting.to_owned()
            } else {
                format!("{announcement} {greeting}")
            };
            both.trim().to_owned()
        };
        self.greeting = join(&self.recording_announcement, &self.greeting);
        // It is filled in again when the caller is known.
        let templates = &mut self.templates;
        templates.greeting = join(&templates.recording_announcement, &templates.greeting);
    }

    /// The agents that its model may hand the caller to.
    pub fn hands_to(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().flat_map(|tool| match &tool.action {
            tools::Action::Handoff(agents) => agents.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        })
    }
}

impl Templates {
    fn all(&self) -> [(&'static str, &str); 5] {
        [
            ("prompt", &self.system_prompt),
            ("greeting", &self.greeting),
            ("recording_announcement", &self.recording_announcement),
            ("apology", &self.apology),
            ("filler", &self.filler),
        ]
    }
}

/// Says what is wrong with a system prompt.
fn check_prompt(prompt: &str) -> Result<(), String> {
    let chars = prompt.chars().count();
    if prompt.trim().is_empty() {
        Err("the prompt is empty; say who the agent is and how it talks".into())
    } else if chars > MAX_PROMPT_CHARS {
        Err(format!(
            "the prompt has {chars} characters, {MAX_PROMPT_CHARS} at most; shorten it"
        ))
    } else {
        Ok(())
    }
}

fn words(text: Option<Text<'_>>, default: &str) -> String {
    text.map_or_else(|| default.to_owned(), |text| text.value.trim().to_owned())
}

fn read_voice(top: &mut Section<'_>) -> Voice {
    let names = Voice::ALL.map(Voice::as_str).to_vec();
    let Some(text) = top.choice("voice", names) else {
        return Voice::default();
    };
    text.value.parse().unwrap_or_else(|error: UnknownVoice| {
        top.complain(&text.place, error.to_string());
        Voice::default()
    })
}

/// `[variants.*]`
fn read_variants(
    top: &mut Section<'_>,
    reader: &Reader,
    folder: &Path,
    known: &dyn Fn(&str) -> bool,
) -> Vec<Variant> {
    let read = |name: String, section: &mut Section<'_>| {
        let weight = section.count("weight", 0, 0..=100);
        let prompt = section.text("prompt");
        let prompt = prompt.map(|text| read_prompt(section, reader, folder, &text));
        if let Some((text, file)) = &prompt {
            check_prompt_variables(reader, file, text, known);
        }
        let greeting = section.text("greeting");
        if let Some(text) = &greeting {
            request::check_template(section, "greeting", text, known);
        }
        let voice = (!section.lacks("voice")).then_some(());
        let read = read_voice(section);
        Variant {
            name,
            weight,
            prompt,
            greeting: greeting.map(|text| text.value.trim().to_owned()),
            voice: voice.map(|()| read),
            llm: section.text("llm").map(|text| text.value),
        }
    };
    // One of no name tells the reference which keys there are.
    let _ = read(String::new(), &mut top.any("variants"));
    let mut variants = Vec::new();
    for (name, mut section) in top.each("variants") {
        variants.push(read(name, &mut section));
        section.finish();
    }
    variants::check(&variants, top);
    variants
}

fn read_recording(top: &mut Section<'_>) -> Option<RecordingMode> {
    let text = top.choice("recording", vec!["off", "process", "egress"])?;
    match text.value.parse() {
        Ok(mode) => Some(mode),
        Err(error) => {
            let error: String = error;
            top.complain(&text.place, format!("recording = {error}"));
            None
        }
    }
}

/// The prompt's text and the name of its file.
fn prompt(top: &mut Section<'_>, reader: &Reader, folder: &Path) -> (String, String) {
    let Some(text) = top.text("prompt") else {
        top.complain_here("prompt is missing; name a file, such as \"../prompts/support.md\"");
        return Default::default();
    };
    read_prompt(top, reader, folder, &text)
}

/// The prompt in the file that `text` names, and the file.
fn read_prompt(
    section: &Section<'_>,
    reader: &Reader,
    folder: &Path,
    text: &Text<'_>,
) -> (String, String) {
    let path = folder.join(&text.value);
    match read(&path, "prompt names this file") {
        Ok(prompt) => {
            let file = path.display().to_string();
            if let Err(message) = check_prompt(&prompt) {
                reader.complain(ConfigError {
                    file: file.clone(),
                    line: None,
                    message,
                });
            }
            (prompt, file)
        }
        Err(error) => {
            section.complain(&text.place, format!("{}: {}", error.file, error.message));
            Default::default()
        }
    }
}

fn check_prompt_variables(reader: &Reader, file: &str, prompt: &str, known: &dyn Fn(&str) -> bool) {
    let complain = |line: usize, message: String| {
        reader.complain(ConfigError {
            file: file.to_owned(),
            line: Some(line),
            message,
        });
    };
    if let Err((line, message)) = template::fill(prompt, &json!({})) {
        complain(line, message);
    }
    for name in template::variables(prompt) {
        if !known(&name) {
            let message = format!(
                "no value for {{{{{name}}}}}; give it a default under [variables], or name it in \
                 required_variables for each call to set"
            );
            complain(template::line_of(prompt, &name), message);
        }
    }
}

fn version(sources: &[Source<'_>], prompt: &str, variants: &[Variant]) -> String {
    let others = variants
        .iter()
        .filter_map(|variant| variant.prompt.as_ref());
    let prompts = [prompt]
        .into_iter()
        .chain(others.map(|(text, _)| text.as_str()));
    hash(sources.iter().map(|source| source.text).chain(prompts))
}

/// Twelve hexadecimal digits: enough to tell a folder's versions apart.
fn hash<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(super) fn read(path: &Path, advice: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError {
        file: path.display().to_string(),
        line: None,
        message: format!("cannot be read ({error}); {advice}"),
    })
}

#[cfg(test)]
#[path = "agent_tests.rs"]
mod tests;
