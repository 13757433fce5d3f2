//! Which providers an agent's stages use, in order: the process's, called `default`, and those that the file names.

mod fallback;
mod options;

use std::collections::BTreeMap;
use std::time::Duration;

use super::built_in::BuiltIn;
use super::secret::{Secret, Secrets};
use super::section::{Section, Text};
use super::speech::SpeechKeys;
use super::template;
use super::timing::{ms, secs};
pub use options::Manner;
use sidetone_base::provider::{LlmApi, SttHints};

/// The name of the process's provider.
pub const DEFAULT: &str = "default";
/// Default limit for one attempt: until the head of the answer, and from each piece to the next.
const TIMEOUT: Duration = secs(10);
/// Callers interpret two seconds of silence as a broken line.
const FALLBACK_AFTER: Duration = secs(2);
/// Callers ask "hello?" after about two seconds; a usual reply is there within one.
const FILLER_AFTER: Duration = ms(1500);
/// Half an hour of conversation is about 6,000 tokens; nearly every model accepts 24,000.
const CONTEXT: usize = 24_000;
/// What Whisper and similar models write for silence, music and breathing: captions from their training data (Barański
/// et al., "Investigation of Whisper ASR Hallucinations Induced by Non-Speech Audio", 2025).
const MADE_UP: [&str; 10] = [
    "thank you",
    "thanks for watching",
    "thank you for watching",
    "so",
    "you",
    "the",
    "bye",
    "oh",
    "please subscribe",
    "subtitles by the amara.org community",
];

/// The stages of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Stages {
    /// Speech to text.
    pub stt: StageConfig,
    /// The language model.
    pub llm: StageConfig,
    /// Text to speech.
    pub tts: StageConfig,
    /// How STT receives the caller's speech.
    pub stt_mode: SttMode,
    /// The provider that transcribes during speech, if others are used for whole utterances.
    pub ears: Option<Provider>,
    /// Hints that help STT to transcribe.
    pub hints: SttHints,
    /// When STT's words are not believed.
    pub noise: Noise,
    /// The most tokens of the conversation that the model is sent.
    pub context: usize,
    /// What is said while a slow model has not begun.
    pub llm_filler: Filler,
    /// The style of the speech.
    pub style: Style,
}

/// How STT receives the caller's speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SttMode {
    /// Whole utterances, at each pause.
    #[default]
    Batch,
    /// Continuously during speech, over a socket.
    Realtime,
}

/// When STT's words are considered made up, as models do in silence and noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// The model is at least this sure that nobody spoke, 0 to 1,
    pub no_speech: f32,
    /// and no surer of the words than this mean log-probability.
    pub logprob: f32,
    /// Words that models make up; they are not believed if either of the two signs is present.
    pub phrases: Vec<String>,
}

/// What is said while a model has not begun to reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Filler {
    /// One of these at a time, in rotation. Empty for nothing.
    pub texts: Vec<String>,
    /// How long after the end of the caller's turn.
    pub after: Duration,
}

/// The style of the speech, for models that accept directions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Style {
    /// For example "Speak warmly and slowly."
    pub instructions: Option<String>,
    /// 0.25 to 4. `None` for the model's own speed.
    pub speed: Option<f32>,
}

/// One stage: its providers, and how long each gets.
#[derive(Debug, Clone, PartialEq)]
pub struct StageConfig {
    /// In the order in which they are tried; never empty.
    pub providers: Vec<Provider>,
    /// The next provider is tried if one has sent nothing for this long.
    pub fallback_after: Duration,
}

/// A provider of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// The name in the agent's file.
    pub name: String,
    /// Its model. `None` for the process's.
    pub model: Option<String>,
    /// Its address. `None` for the process's.
    pub address: Option<Address>,
    /// Its name for the agent's voice. `None` for the agent's own name for it.
    pub voice: Option<String>,
    /// The protocol of its language model.
    pub llm_api: LlmApi,
    /// Its additional settings.
    pub manner: Manner,
    /// The settings of its speech.
    pub speech: SpeechKeys,
}

/// The address of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    /// For example `https://api.example.com/v1`; a query is sent with each request.
    pub base_url: String,
    /// Its key.
    pub api_key: Option<Secret>,
    /// The limit for one attempt.
    pub timeout: Duration,
}

/// The content of `[providers.…]`.
struct Named {
    address: Address,
    models: [Option<String>; 3],
    voice: Option<String>,
    llm_api: LlmApi,
    manner: Manner,
    speech: SpeechKeys,
}

/// The stages' positions in [`Named::models`].
const STAGES: [&str; 3] = ["stt", "llm", "tts"];

/// Reads `[providers.*]`, `[models]`, `[stt]`, `[llm]` and `[tts]`.
pub fn read(top: &mut Section<'_>, secrets: &Secrets, built_in: &BuiltIn) -> Stages {
    let mut named = BTreeMap::new();
    for (name, mut section) in top.each("providers") {
        if name == DEFAULT {
            section.complain_here(
                "providers.default is the process's own provider; give this one another name",
            );
        }
        if section.lacks("base_url") {
            section.complain_here(format!(
                "providers.{name}.base_url is missing; write the address, such as \
                 \"https://api.example.com/v1\""
            ));
        }
        named.insert(name, provider(&mut section, secrets));
        section.finish();
    }
    // For the reference.
    provider(&mut top.any("providers"), secrets);
    let mut models = top.section("models");
    let own = STAGES.map(|stage| models.text(stage).map(|text| text.value));
    models.finish();
    let [stt_model, llm_model, tts_model] = own;
    let mut section = top.section("stt");
    let mut stt = read_stage(&mut section, 0, &named, stt_model);
    let stt_mode = read_mode(&mut section);
    let ears = fallback::read(&mut section, &mut stt, &named);
    let hints = SttHints {
        prompt: section.text("prompt").map(|text| text.value),
        keywords: section.list("keywords", Vec::new()),
    };
    let noise = Noise {
        no_speech: section.fraction("no_speech_threshold", 0.6, 0.0..=1.0),
        logprob: section.fraction("logprob_threshold", -1.0, -10.0..=0.0),
        phrases: section.list("made_up", MADE_UP.map(str::to_owned).to_vec()),
    };
    section.finish();
    let mut section = top.section("llm");
    let mut llm = read_stage(&mut section, 1, &named, llm_model);
    let api = read_api(&mut section, "api");
    let manner = options::read(&mut section, secrets);
    for provider in &mut llm.providers {
        if provider.name == DEFAULT {
            provider.llm_api = api;
            provider.manner = manner.clone();
        } else {
            provider.manner = std::mem::take(&mut provider.manner).or(&manner);
        }
    }
    let llm_filler = Filler {
        texts: section.list("fillers", vec![built_in.thinking.into()]),
        after: section.duration("filler_after", FILLER_AFTER, ms(300)..=secs(30)),
    };
    let context = section.count("context", CONTEXT, 1_000..=2_000_000);
    section.finish();
    let mut section = top.section("tts");
    let mut tts = read_stage(&mut section, 2, &named, tts_model);
    let speech = SpeechKeys::read(&mut section, "protocol");
    for provider in tts.providers.iter_mut().filter(|p| p.name == DEFAULT) {
        provider.speech = speech.clone();
    }
    let has_speed = !section.lacks("speed");
    let speed = section.fraction("speed", 1.0, 0.25..=4.0);
    let style = Style {
        instructions: section.text("instructions").map(|text| text.value),
        speed: has_speed.then_some(speed),
    };
    section.finish();
    Stages {
        stt,
        llm,
        tts,
        stt_mode,
        ears,
        hints,
        noise,
        context,
        llm_filler,
        style,
    }
}

fn read_mode(section: &mut Section<'_>) -> SttMode {
    let Some(text) = section.choice("mode", vec!["batch", "realtime"]) else {
        return SttMode::default();
    };
    match text.value.as_str() {
        "batch" => SttMode::Batch,
        "realtime" => SttMode::Realtime,
        other => {
            let message = format!("stt.mode = {other:?} must be \"batch\" or \"realtime\"");
            section.complain(&text.place, message);
            SttMode::default()
        }
    }
}

fn read_api(section: &mut Section<'_>, key: &'static str) -> LlmApi {
    let Some(text) = section.choice(key, vec!["chat", "responses"]) else {
        return LlmApi::default();
    };
    match text.value.as_str() {
        "chat" => LlmApi::Chat,
        "responses" => LlmApi::Responses,
        other => {
            let full = section.full(key);
            let message = format!("{full} = {other:?} must be \"chat\" or \"responses\"");
            section.complain(&text.place, message);
            LlmApi::default()
        }
    }
}

fn read_stage(
    section: &mut Section<'_>,
    index: usize,
    named: &BTreeMap<String, Named>,
    own_model: Option<String>,
) -> StageConfig {
    let names = section.list("providers", vec![DEFAULT.into()]);
    let fallback_after = section.duration("fallback_after", FALLBACK_AFTER, ms(100)..=secs(60));
    let mut providers: Vec<Provider> = Vec::new();
    for name in names {
        if providers.iter().any(|provider| provider.name == name) {
            section.complain_here(format!("{} names {name} twice", section.full("providers")));
        } else if name == DEFAULT {
            providers.push(Provider::process(own_model.clone()));
        } else if let Some(provider) = named.get(&name) {
            let stage = STAGES[index];
            if provider.models[index].is_none() {
                section.complain_here(format!(
                    "{} names {name}, but providers.{name}.{stage} is missing; write the name of \
                     its model for this stage",
                    section.full("providers")
                ));
            }
            providers.push(provider.provider(name, index));
        } else {
            let known: Vec<&str> = named.keys().map(String::as_str).collect();
            section.complain_here(format!(
                "{} names {name}, which does not exist; known are {DEFAULT} {}",
                section.full("providers"),
                known.join(" ")
            ));
        }
    }
    if providers.is_empty() {
        section.complain_here(format!(
            "{} is empty; name at least one, such as \"{DEFAULT}\"",
            section.full("providers")
        ));
        providers.push(Provider::process(own_model));
    }
    StageConfig {
        providers,
        fallback_after,
    }
}

fn provider(section: &mut Section<'_>, secrets: &Secrets) -> Named {
    let base_url = section.text("base_url");
    let base_url = match base_url {
        Some(text) => {
            if let Err(message) = check_base_url(&text.value) {
                let message = format!("{} = {:?} {message}", section.full("base_url"), text.value);
                section.complain(&text.place, message);
            }
            text.value
        }
        None => String::new(),
    };
    let api_key = section.text("api_key");
    let api_key = api_key.and_then(|text| key(section, &text, secrets));
    Named {
        address: Address {
            base_url,
            api_key,
            timeout: section.duration("timeout", TIMEOUT, ms(100)..=secs(120)),
        },
        models: STAGES.map(|stage| section.text(stage).map(|text| text.value)),
        voice: section.text("voice").map(|text| text.value),
        llm_api: read_api(section, "llm_api"),
        manner: options::read(section, secrets),
        speech: SpeechKeys::read(section, "tts_protocol"),
    }
}

impl Named {
    /// The provider, as a stage uses it.
    fn provider(&self, name: String, index: usize) -> Provider {
        Provider {
            name,
            model: self.models[index].clone(),
            address: Some(self.address.clone()),
            voice: self.voice.clone(),
            llm_api: self.llm_api,
            manner: self.manner.clone(),
            speech: self.speech.clone(),
        }
    }
}

/// Keys are in the environment, never in a file.
fn key(section: &Section<'_>, text: &Text<'_>, secrets: &Secrets) -> Option<Secret> {
    let path = section.full("api_key");
    let names = template::variables(&text.value);
    let [name] = names.as_slice() else {
        let message = format!("{path} must be a secret's name, such as \"{{{{ secret.name }}}}\"");
        section.complain(&text.place, message);
        return None;
    };
    let secret = name.strip_prefix("secret.").unwrap_or_default();
    let found = secrets.get(secret).cloned();
    if found.is_none() {
        let message = match secret {
            "" => format!("{path} must be a secret's name, such as \"{{{{ secret.name }}}}\""),
            secret => format!(
                "{path}: the secret {secret} is not set; set the variable {}",
                Secrets::variable(secret)
            ),
        };
        section.complain(&text.place, message);
    }
    found
}

fn check_base_url(url: &str) -> Result<(), &'static str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with(['/', '?']) && !rest.contains('@') => {
            Ok(())
        }
        _ => Err("is not an address; write it like https://api.example.com/v1"),
    }
}

impl Provider {
    /// The process's own provider.
    pub fn process(model: Option<String>) -> Self {
        Self {
            name: DEFAULT.into(),
            model,
            address: None,
            voice: None,
            llm_api: LlmApi::default(),
            manner: Manner::default(),
            speech: SpeechKeys::default(),
        }
    }
}
