//! An agent's configuration: one TOML file in `agent-config/` on top of `defaults.toml`, and the prompt file that it
//! names. Parsed once, raw to valid.

mod of_call;
mod prompt;
pub mod small_model;
mod templates;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::built_in;
use super::choices::{self, UserChoices};
use super::encryption::{self, Encryption};
use super::files::{self, Files};
use super::holding::{self, Holding};
use super::language;
use super::mcp::{self, McpServer};
use super::menu::{self, Menu};
pub use super::problem::{ConfigError, Problems};
use super::providers::{self, Stages};
use super::recording::RecordingMode;
use super::request::{self, HttpRequest, root};
use super::result::{self, ResultConfig};
use super::secret::Secrets;
use super::section::{Reader, Section, Source, Text};
pub use super::timing::{Budget, KeysConfig, Limits, SilenceConfig, VadConfig};
use super::timing::{endpointing, interruption, keys, limits, ms, secs, silence, vad};
use super::tools::{self, Tool};
use super::variants::{self, Variant};
pub use super::voice::{BadVoice, Voice};
use super::voicemail::{self, Voicemail};
pub use of_call::Overrides;
use prompt::{check_prompt_variables, read_prompt, version};
use templates::Templates;

/// Everything that makes up one agent: voice, prompt, tools, and the settings of its behaviour.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentConfig {
    /// The file's name without its extension.
    pub name: String,
    /// What the agent is for: other agents' models read it before they hand a caller over.
    pub description: String,
    /// Hash of all text that it was read from; it identifies the version that a call ran.
    pub version: String,
    /// The version of the edition that it belongs to. `None` if its files are on this machine's disk.
    pub edition: Option<Arc<str>>,
    /// The path from which its prompt was read.
    pub prompt_file: std::path::PathBuf,
    /// The voice of everything it says.
    pub voice: Voice,
    /// The providers of its stages.
    pub stages: Stages,
    /// The system prompt; [`AgentConfig::for_call`] fills in its `{{variables}}`.
    pub system_prompt: String,
    /// Said when the caller joins. Empty if the agent waits to be spoken to.
    pub greeting: String,
    /// How its calls are recorded. `None` to follow the process's environment.
    pub recording: Option<RecordingMode>,
    /// Said before the greeting of a recorded call. Empty for nothing.
    pub recording_announcement: String,
    /// Said when a stage fails.
    pub apology: String,
    /// Said first by an agent that takes over the call of one that was lost. Empty for nothing.
    pub cut_off: String,
    /// Said after `cut_off` if the caller is owed no answer: what was said while no agent listened was not heard. Empty
    /// for nothing.
    pub say_again: String,
    /// Said when tools take longer than `filler_after`. Empty for silence.
    pub filler: String,
    /// See `filler`.
    pub filler_after: Duration,
    /// The language of the conversation (BCP 47). `None` if STT detects it; whatever depends on a language then uses
    /// English or is left alone.
    pub language: Option<String>,
    /// How certain words are pronounced: written form to spoken form.
    pub pronunciations: BTreeMap<String, String>,
    /// Values for `{{variables}}` that a call does not set.
    pub variables: BTreeMap<String, String>,
    /// Variables that each call must set.
    pub required_variables: Vec<String>,
    /// What end users may choose about this agent.
    pub user: UserChoices,
    /// Requested before the greeting; the answer is `{{ lookup }}`.
    pub lookup: Option<HttpRequest>,
    /// The tools that the model may call.
    pub tools: Vec<Tool>,
    /// The MCP servers whose tools it may call as well.
    pub mcp: Vec<McpServer>,
    /// How the results of its calls are made.
    pub result: ResultConfig,
    /// Variants that get a share of its calls.
    pub variants: Vec<Variant>,
    /// The name of the variant that this is, once a call has chosen one.
    pub variant: Option<String>,
    /// Voice activity detection.
    pub vad: VadConfig,
    /// Endpointing, interruption and speculation.
    pub turn: sidetone_turn::Config,
    /// Deadlines of a call's stages and of the call itself.
    pub limits: Limits,
    /// It hears everybody in the room, and not its caller alone.
    pub several_speakers: bool,
    /// What happens when nobody speaks.
    pub silence: SilenceConfig,
    /// When input by telephone keys is complete.
    pub keys: KeysConfig,
    /// What a key does while the caller has not said anything yet.
    pub menu: Menu,
    /// What it does when an answering machine takes its call. `None` if it talks to whoever answers.
    pub voicemail: Option<Voicemail>,
    /// The sound that callers hear while it thinks. `None` for silence.
    pub holding: Option<Holding>,
    /// The keys for the end-to-end encryption of its calls. `None` if they are not encrypted.
    pub encryption: Option<Encryption>,
    /// If set, only this is said, and the call ends: see [`AgentConfig::refuse`].
    pub refusal: Option<&'static str>,
    /// The values that templates can use in this call, an object; empty before [`AgentConfig::for_call`].
    pub values: Value,
    templates: Templates,
}

/// The agent for calls that name none; users may always choose it.
pub const DEFAULT_AGENT: &str = "default";
/// The file with all agents' defaults, in the same folder as theirs.
pub const DEFAULTS: &str = "defaults.toml";
/// A longer system prompt is a mistake: it would cost seconds on every turn.
pub const MAX_PROMPT_CHARS: usize = 32_000;

impl AgentConfig {
    /// Reads and checks a file, the `defaults.toml` in the same folder, and the prompt file that they name (relative
    /// to that folder).
    ///
    /// # Errors
    /// All problems at once: files that cannot be read or are not TOML, unknown keys, values out of range, variables
    /// without a value, secrets that are not set.
    pub fn load(path: &Path, secrets: &Secrets) -> Result<Self, Problems> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::load_from(&Files::new(folder, &files::from_disk), path, secrets)
    }

    /// Like [`AgentConfig::load`], with the files of one pass.
    pub(super) fn load_from(
        files: &Files<'_>,
        path: &Path,
        secrets: &Secrets,
    ) -> Result<Self, Problems> {
        let text = files.text(path).map_err(|error| {
            error.problem(path, "name the TOML file of an agent in agent-config/")
        })?;
        let defaults_path = files.path(DEFAULTS);
        let defaults = match files.text(&defaults_path) {
            Ok(text) => text,
            Err(error) if error.is_missing() => String::new(),
            Err(error) => {
                let advice = "it holds what all agents have in common";
                return Err(error.problem(&defaults_path, advice).into());
            }
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
        Self::parse(&sources, &name, files, secrets)
    }

    fn parse(
        sources: &[Source<'_>],
        name: &str,
        files: &Files<'_>,
        secrets: &Secrets,
    ) -> Result<Self, Problems> {
        let reader = Reader::default();
        let agent = Self::read(&reader, sources, name, files, secrets);
        Problems::check(reader.into_problems())?;
        Ok(agent)
    }

    /// Reads every key; problems are reported to `reader`.
    pub(super) fn read(
        reader: &Reader,
        sources: &[Source<'_>],
        name: &str,
        files: &Files<'_>,
        secrets: &Secrets,
    ) -> Self {
        let mut top = Section::parse(reader, sources);
        let description = words(top.text("description"), "");
        let voice = read_voice(&mut top);
        let (system_prompt, prompt_file) = prompt::of_agent(&mut top, reader, files);
        let small_prompt = top.text("small_prompt");
        let small_prompt = small_prompt.map(|text| read_prompt(&top, reader, files, &text));
        let greeting = top.text("greeting");
        let recording = read_recording(&mut top);
        let announcement = top.text("recording_announcement");
        let apology = top.text("apology");
        let cut_off = top.text("cut_off");
        let say_again = top.text("say_again");
        let filler = top.text("filler");
        let filler_after = top.duration("filler_after", ms(1200), ms(100)..=secs(30));
        let language = read_language(&mut top);
        let built_in = built_in::of(language.as_deref());
        let plain = |map: BTreeMap<String, Text<'_>>| {
            let plain = map.into_iter().map(|(name, text)| (name, text.value));
            plain.collect::<BTreeMap<_, _>>()
        };
        let pronunciations = plain(top.map("pronunciations"));
        let variables = top.map("variables");
        for (name, text) in &variables {
            if let Err(why) = choices::check_variable(name) {
                top.complain(&text.place, format!("variables.{name}: {why}"));
            }
        }
        let variables = plain(variables);
        let required_variables = top.list("required_variables", Vec::new());
        let is_declared = |name: &str| {
            variables.contains_key(name)
                || required_variables.iter().any(|required| required == name)
        };
        let user = UserChoices::read(&mut top);
        let has_lookup = !top.lacks("lookup");
        let known = |name: &str| match root(name) {
            "caller" => matches!(
                name.split('.').nth(1),
                None | Some("name" | "identity" | "attributes")
            ),
            "call" => name == "call" || name == "call.id",
            "dispatch" => true,
            "lookup" => has_lookup,
            name => is_declared(name),
        };
        for (key, text) in [
            ("greeting", &greeting),
            ("recording_announcement", &announcement),
            ("apology", &apology),
            ("cut_off", &cut_off),
            ("say_again", &say_again),
            ("filler", &filler),
        ] {
            if let Some(text) = text {
                request::check_template(&top, key, text, &known);
            }
        }
        check_prompt_variables(reader, &prompt_file, &system_prompt, &known);
        if let Some((text, file)) = &small_prompt {
            check_prompt_variables(reader, file, text, &known);
        }
        let mut lookup = top.section("lookup");
        let request = request::read(&mut lookup, secrets, ms(800), &known);
        if has_lookup && request.is_none() {
            lookup.complain_here("lookup.url is missing; write the address to ask");
        }
        lookup.finish();
        let tools = tools::read(&mut top, secrets, &built_in, &known);
        let mcp = mcp::read(&mut top, secrets);
        let result = result::read(&mut top);
        let variants = read_variants(&mut top, reader, files, &known);
        let stages = providers::read(&mut top, secrets, &built_in);
        let menu = menu::read(&mut top, &persons(&tools));
        let voicemail = voicemail::read(&mut top, &known);
        let encryption = encryption::read(top.section("encryption"), secrets);
        if encryption.is_some() && tools.iter().any(tools::Tool::calls_telephones) {
            top.complain_here(
                "[encryption] and a transfer target with warm = true exclude each other: a telephone has no key; leave \
                 one of them out",
            );
        }
        let templates = Templates {
            system_prompt,
            small_prompt: small_prompt.map(|(text, _)| text),
            greeting: words(greeting, built_in.greeting),
            recording_announcement: words(announcement, ""),
            apology: words(apology, built_in.apology),
            cut_off: words(cut_off, built_in.cut_off),
            say_again: words(say_again, built_in.say_again),
            filler: words(filler, built_in.filler),
            voicemail: (voicemail.as_ref())
                .and_then(|voicemail| voicemail.message.clone())
                .unwrap_or_default(),
        };
        let agent = Self {
            name: name.to_owned(),
            description,
            version: version(sources, &templates, &variants),
            edition: None,
            prompt_file: prompt_file.into(),
            voice,
            stages,
            system_prompt: templates.system_prompt.clone(),
            greeting: templates.greeting.clone(),
            recording,
            recording_announcement: templates.recording_announcement.clone(),
            apology: templates.apology.clone(),
            cut_off: templates.cut_off.clone(),
            say_again: templates.say_again.clone(),
            filler: templates.filler.clone(),
            filler_after,
            language: language.clone(),
            pronunciations,
            variables,
            required_variables,
            user,
            lookup: request,
            tools,
            mcp,
            result,
            variants,
            variant: None,
            vad: vad(top.section("vad")),
            turn: sidetone_turn::Config {
                speculative: top.flag("preemptive_generation", true),
                endpointing: endpointing(top.section("endpointing"), language.as_deref()),
                interruption: interruption(top.section("interruption"), language.as_deref()),
            },
            several_speakers: top.flag("several_speakers", false),
            limits: limits(top.section("limits")),
            silence: silence(top.section("silence"), &built_in),
            keys: keys(top.section("keys")),
            menu,
            voicemail,
            holding: holding::read(top.section("holding"), files),
            encryption,
            refusal: None,
            values: json!({}),
            templates,
        };
        top.finish();
        agent
    }

    /// The agents to which a caller can come from it: by its model, or by a key.
    pub fn leads_to(&self) -> impl Iterator<Item = &str> {
        let by_key = menu::agents(&self.menu).map(|(_, name)| name);
        self.hands_to().chain(by_key)
    }

    /// The agents to which its model may hand over the caller.
    pub fn hands_to(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().flat_map(|tool| match &tool.action {
            tools::Action::Handoff(agents) => agents.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        })
    }
}

/// The persons whom the tool `transfer` can call.
fn persons(tools: &[Tool]) -> Vec<&str> {
    let mut persons = Vec::new();
    for tool in tools {
        if let tools::Action::Transfer(transfer) = &tool.action {
            persons.extend(transfer.targets.iter().map(|target| target.name.as_str()));
        }
    }
    persons
}

fn words(text: Option<Text<'_>>, default: &str) -> String {
    text.map_or_else(|| default.to_owned(), |text| text.value.trim().to_owned())
}

fn read_language(top: &mut Section<'_>) -> Option<String> {
    let text = top.text("language")?;
    match language::parse(&text.value) {
        Ok(tag) => Some(tag),
        Err(error) => {
            let message = format!("language = {:?} {error}", text.value);
            top.complain(&text.place, message);
            None
        }
    }
}

fn read_voice(top: &mut Section<'_>) -> Voice {
    let Some(text) = top.text("voice") else {
        return Voice::default();
    };
    text.value.parse().unwrap_or_else(|error: BadVoice| {
        top.complain(&text.place, format!("voice = {error}"));
        Voice::default()
    })
}

/// Reads `[variants.*]`.
fn read_variants(
    top: &mut Section<'_>,
    reader: &Reader,
    files: &Files<'_>,
    known: &dyn Fn(&str) -> bool,
) -> Vec<Variant> {
    let read = |name: String, section: &mut Section<'_>| {
        let weight = section.count("weight", 0, 0..=100);
        let prompt = section.text("prompt");
        let prompt = prompt.map(|text| read_prompt(section, reader, files, &text));
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
    // A nameless variant tells the reference which keys exist.
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

#[cfg(test)]
mod tests;
