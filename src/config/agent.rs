//! An agent's configuration: one TOML file in `agent-config/`, parsed once, raw to valid.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::recording::RecordingMode;
use super::section::{Section, Source};
use super::template;
pub use super::voice::{UnknownVoice, Voice};
use crate::turn;

/// Everything that makes one agent: voice, prompt, and the numbers of its manners.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentConfig {
    /// The file's name without its ending.
    pub name: String,
    /// The voice of all its speech.
    pub voice: Voice,
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
    /// BCP 47 language of the conversation, a hint for STT; none: STT detects it.
    pub language: Option<String>,
    /// How certain words are said: written form to spoken form.
    pub pronunciations: BTreeMap<String, String>,
    /// Values for `{{variables}}` that a call does not set.
    pub variables: BTreeMap<String, String>,
    /// Voice activity detection.
    pub vad: VadConfig,
    /// Endpointing, interruption and speculation.
    pub turn: turn::Config,
    /// Deadlines of a call's stages and of the call itself.
    pub limits: Limits,
}

/// When sound is speech.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VadConfig {
    /// Probability from which a frame starts speech, 0 to 1.
    pub threshold: f32,
    /// Probability below which a frame may end speech; under `threshold`.
    pub deactivation_threshold: f32,
    /// Speech must last this long to count.
    pub min_speech: Duration,
    /// Silence must last this long to end speech.
    pub silence_duration: Duration,
    /// Silence after which STT starts, ahead of the end of speech; at most `silence_duration`.
    pub stt_after: Duration,
    /// Audio kept from before speech starts, for STT.
    pub prefix_padding: Duration,
}

/// Deadlines: nothing in a call waits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transcript of an utterance, retries included.
    pub stt: Duration,
    /// First token of the model, and each next one.
    pub llm: Duration,
    /// First audio of a sentence, and each next piece.
    pub tts: Duration,
    /// A caller who vanished may come back for this long.
    pub reconnect_grace: Duration,
    /// How long to wait for the first caller.
    pub wait_for_caller: Duration,
    /// The longest call.
    pub max_duration: Duration,
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
    /// Recorded in another way, or not.
    pub recording: Option<RecordingMode>,
}

/// What is wrong with an agent's configuration, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// Line in it, from 1, where there is one to name.
    pub line: Option<usize>,
    /// Names the key, the value and the fix.
    pub message: String,
}

impl AgentConfig {
    /// Reads and checks a file and the prompt file it names (relative to the file's folder).
    ///
    /// # Errors
    /// The file or its prompt cannot be read, is no TOML, has an unknown key, or a value out of
    /// its range. The first problem is reported.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path, "name an agent's TOML file of agent-config/")?;
        let file = path.display().to_string();
        let name = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(
            Source {
                file: &file,
                text: &text,
            },
            name.unwrap_or_default(),
            folder,
        )
    }

    fn parse(source: Source<'_>, name: String, folder: &Path) -> Result<Self, ConfigError> {
        let mut top = Section::parse(source)?;
        let voice = match top.text("voice")? {
            None => Voice::default(),
            Some((name, span)) => name
                .parse()
                .map_err(|error: UnknownVoice| source.error(Some(span), error.to_string()))?,
        };
        let Some((prompt, prompt_span)) = top.text("prompt")? else {
            let message = "prompt is missing; name a file, such as \"../prompts/support.md\"";
            return Err(source.error(None, message));
        };
        let prompt_path = folder.join(prompt);
        let system_prompt = read(&prompt_path, "prompt names this file").map_err(|error| {
            source.error(
                Some(prompt_span.clone()),
                format!("{}: {}", error.file, error.message),
            )
        })?;
        check_prompt(&system_prompt)
            .map_err(|message| source.error(Some(prompt_span), format!("prompt: {message}")))?;
        let recording = match top.text("recording")? {
            None => None,
            Some((mode, span)) => Some(mode.parse().map_err(|error: String| {
                source.error(Some(span), format!("recording = {error}"))
            })?),
        };
        let words = |text: Option<(String, _)>, default: &str| {
            text.map_or_else(|| default.to_owned(), |(text, _)| text.trim().to_owned())
        };
        let config = Self {
            name,
            voice,
            system_prompt,
            greeting: words(top.text("greeting")?, GREETING),
            recording,
            recording_announcement: words(top.text("recording_announcement")?, ""),
            apology: words(top.text("apology")?, APOLOGY),
            language: top.text("language")?.map(|(language, _)| language),
            pronunciations: top.section("pronunciations")?.map()?,
            variables: top.section("variables")?.map()?,
            vad: vad(source, top.section("vad")?)?,
            turn: turn::Config {
                speculative: top.flag("preemptive_generation", true)?,
                endpointing: endpointing(source, top.section("endpointing")?)?,
                interruption: interruption(top.section("interruption")?)?,
            },
            limits: limits(top.section("limits")?)?,
        };
        top.finish()?;
        Ok(config)
    }

    /// The agent of one call: overrides applied, `{{variables}}` filled in.
    ///
    /// # Errors
    /// A variable has no value, or the prompt is empty or longer than [`MAX_PROMPT_CHARS`].
    pub fn for_call(&self, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut call = self.clone();
        call.variables.extend(overrides.variables.clone());
        call.voice = overrides.voice.unwrap_or(self.voice);
        call.recording = overrides.recording.or(self.recording);
        if let Some(prompt) = &overrides.system_prompt {
            call.system_prompt.clone_from(prompt);
        }
        let filled = |what: &str, text: &str| {
            template::fill(text, &call.variables).map_err(|(line, message)| ConfigError {
                file: format!("agent {}, {what}", self.name),
                line: Some(line),
                message,
            })
        };
        let system_prompt = filled("prompt", &call.system_prompt)?;
        let greeting = filled("greeting", &call.greeting)?;
        let recording_announcement =
            filled("recording_announcement", &call.recording_announcement)?;
        let apology = filled("apology", &call.apology)?;
        check_prompt(&system_prompt).map_err(|message| ConfigError {
            file: format!("agent {}, prompt", self.name),
            line: None,
            message,
        })?;
        Ok(Self {
            system_prompt,
            greeting,
            recording_announcement,
            apology,
            ..call
        })
    }
}

/// A system prompt longer than this is a mistake: it would cost seconds on every turn.
pub const MAX_PROMPT_CHARS: usize = 32_000;
const GREETING: &str = "Hello! How can I help you today?";
const APOLOGY: &str = "I'm sorry, something went wrong on my side. Could you say that again?";

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

fn read(path: &Path, advice: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError {
        file: path.display().to_string(),
        line: None,
        message: format!("cannot be read ({error}); {advice}"),
    })
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn vad(source: Source<'_>, mut section: Section<'_>) -> Result<VadConfig, ConfigError> {
    let default = VadConfig::default();
    let vad = VadConfig {
        threshold: section.fraction("threshold", default.threshold, 0.0..=1.0)?,
        deactivation_threshold: section.fraction(
            "deactivation_threshold",
            default.deactivation_threshold,
            0.0..=1.0,
        )?,
        min_speech: section.duration("min_speech", default.min_speech, ms(10)..=secs(1))?,
        silence_duration: section.duration(
            "silence_duration",
            default.silence_duration,
            ms(30)..=secs(3),
        )?,
        stt_after: section.duration("stt_after", default.stt_after, ms(10)..=secs(3))?,
        prefix_padding: section.duration(
            "prefix_padding",
            default.prefix_padding,
            ms(0)..=secs(2),
        )?,
    };
    section.finish()?;
    if vad.deactivation_threshold > vad.threshold {
        let message = format!(
            "vad.deactivation_threshold = {} must not be above vad.threshold = {}; 0.15 below it \
             is usual",
            vad.deactivation_threshold, vad.threshold
        );
        return Err(source.error(None, message));
    }
    Ok(VadConfig {
        stt_after: vad.stt_after.min(vad.silence_duration),
        ..vad
    })
}

fn endpointing(
    source: Source<'_>,
    mut section: Section<'_>,
) -> Result<turn::Endpointing, ConfigError> {
    let default = turn::Endpointing::default();
    let endpointing = turn::Endpointing {
        min_delay: section.duration("min_delay", default.min_delay, ms(0)..=secs(10))?,
        max_delay: section.duration("max_delay", default.max_delay, ms(0)..=secs(30))?,
        threshold: section.fraction("threshold", default.threshold, 0.0..=1.0)?,
    };
    section.finish()?;
    if endpointing.min_delay > endpointing.max_delay {
        let message = format!(
            "endpointing.min_delay = {:?} must not be above endpointing.max_delay = {:?}",
            endpointing.min_delay, endpointing.max_delay
        );
        return Err(source.error(None, message));
    }
    Ok(endpointing)
}

fn interruption(mut section: Section<'_>) -> Result<turn::Interruption, ConfigError> {
    let default = turn::Interruption::default();
    let interruption = turn::Interruption {
        enabled: section.flag("enabled", default.enabled)?,
        min_duration: section.duration("min_duration", default.min_duration, ms(0)..=secs(5))?,
        min_words: section.count("min_words", default.min_words, 0..=20)?,
        false_interruption_timeout: section.duration(
            "false_interruption_timeout",
            default.false_interruption_timeout,
            ms(0)..=secs(30),
        )?,
        backchannels: section.list("backchannels", default.backchannels)?,
        stop_phrases: section.list("stop_phrases", default.stop_phrases)?,
    };
    section.finish()?;
    Ok(interruption)
}

fn limits(mut section: Section<'_>) -> Result<Limits, ConfigError> {
    let default = Limits::default();
    let stage = ms(100)..=secs(120);
    let limits = Limits {
        stt: section.duration("stt", default.stt, stage.clone())?,
        llm: section.duration("llm", default.llm, stage.clone())?,
        tts: section.duration("tts", default.tts, stage)?,
        reconnect_grace: section.duration(
            "reconnect_grace",
            default.reconnect_grace,
            ms(0)..=secs(600),
        )?,
        wait_for_caller: section.duration(
            "wait_for_caller",
            default.wait_for_caller,
            secs(1)..=secs(600),
        )?,
        max_duration: section.duration(
            "max_duration",
            default.max_duration,
            secs(1)..=secs(24 * 3600),
        )?,
    };
    section.finish()?;
    Ok(limits)
}

impl Default for VadConfig {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            deactivation_threshold: 0.35,
            min_speech: ms(50),
            silence_duration: ms(250),
            stt_after: ms(100),
            prefix_padding: ms(500),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stt: secs(10),
            llm: secs(10),
            tts: secs(10),
            reconnect_grace: secs(30),
            wait_for_caller: secs(60),
            max_duration: secs(3600),
        }
    }
}

#[cfg(test)]
#[path = "agent_tests.rs"]
mod tests;
