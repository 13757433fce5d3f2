//! Speech to text: `POST /audio/transcriptions`.

use sidetone_base::provider::{SttHints, catalogue};
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::dialect::Dialect;
use super::error::{ProviderError, Stage};
use super::family;
use super::http::{Http, Provider, Settings, SettingsError};
use super::realtime::Hearing;
use super::refusal::Refusal;
use super::retry::with_retries;
use super::spoken::spoken;
use sidetone_base::audio::{Pcm, wav};
use sidetone_base::clock;

/// Form fields that a request cannot do without.
const NEEDED: [&str; 1] = ["model"];

/// Turns an utterance into words. Clones share the connections.
#[derive(Clone)]
pub struct Stt {
    provider: Provider,
    /// The model for the socket, if it is a different one.
    live_model: Option<String>,
    language: Option<String>,
    hints: SttHints,
}

/// What was said.
#[derive(Clone, PartialEq)]
pub struct Transcript {
    /// The words; empty if there are none.
    pub text: String,
    /// How sure the model is that nobody spoke, 0 to 1, if the model reports it.
    pub no_speech_prob: Option<f32>,
    /// Mean log-probability of the words, if the model reports it.
    pub avg_logprob: Option<f32>,
}

impl Transcript {
    /// Whether the words were probably made up from silence or noise: the model thinks that nobody spoke, and is unsure
    /// of the words if it reports that. One of the two is enough for `made_up` phrases, which models are known to write
    /// for silence; never the phrase alone.
    pub fn is_hallucinated(&self, no_speech: f32, logprob: f32, made_up: &[String]) -> bool {
        let nobody = self.no_speech_prob.is_some_and(|p| p > no_speech);
        let unsure = self.avg_logprob.map(|p| p < logprob);
        if nobody && unsure.unwrap_or(true) {
            return true;
        }
        (nobody || unsure == Some(true)) && self.is_one_of(made_up)
    }

    /// Whether it is one of these phrases and nothing else.
    pub fn is_one_of(&self, phrases: &[String]) -> bool {
        let said = plain(&self.text);
        phrases.iter().any(|phrase| plain(phrase) == said)
    }
}

/// Shows the size, never the words: they are personal data.
impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcript")
            .field("chars", &self.text.chars().count())
            .field("no_speech_prob", &self.no_speech_prob)
            .field("avg_logprob", &self.avg_logprob)
            .finish()
    }
}

impl Stt {
    /// Creates a client of one provider. `language` is an ISO-639-1 code; without it the model guesses.
    ///
    /// # Errors
    /// If the settings cannot be used; the message names the field.
    pub fn new(
        http: &Http,
        settings: Settings,
        language: Option<String>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            provider: Provider::new(Stage::Stt, http, settings)?,
            live_model: None,
            language,
            hints: SttHints::default(),
        })
    }

    /// The same client with another model for the socket.
    pub fn with_live_model(mut self, model: &str) -> Self {
        self.live_model = Some(model.to_owned());
        self
    }

    /// The same client with hints that help its model to hear.
    pub fn with_hints(self, hints: SttHints) -> Self {
        Self { hints, ..self }
    }

    /// The same client for speech in this language (BCP 47). With `None` the model detects it.
    pub fn with_language(mut self, language: Option<&str>) -> Self {
        let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or(tag).to_lowercase();
        self.language = language.map(primary);
        self
    }

    /// The same client with this number of retries.
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.provider.retries = retries;
        self
    }

    /// Speech to text while the caller speaks, over its own socket; words that take longer than `patience` are
    /// requested with [`Stt::transcribe`].
    pub fn hear(&self, patience: Duration) -> Hearing {
        let mut provider = self.provider.clone();
        provider
            .model
            .clone_from(self.live_model.as_ref().unwrap_or(&self.provider.model));
        let fields = session_fields(&provider.model, self.language.as_deref(), &self.hints);
        Hearing::open(provider, fields, patience)
    }

    /// Opens a connection ahead of the first request.
    pub async fn prewarm(&self) {
        self.provider.prewarm().await;
    }

    /// The words of an utterance. Dropping the future cancels the request.
    ///
    /// # Errors
    /// If the provider fails and no retry fits before `deadline`.
    pub async fn transcribe(
        &self,
        audio: &Pcm<16_000>,
        deadline: Instant,
    ) -> Result<Transcript, ProviderError> {
        let provider = &self.provider;
        let file = bytes::Bytes::from(wav::encode(audio));
        let now = clock::now();
        with_retries(
            provider.retries,
            deadline,
            || provider.out_of_time(now, deadline),
            async || {
                let request = |fields: &Value| {
                    let form = form(fields, &file);
                    provider.post("/audio/transcriptions").multipart(form)
                };
                let fields = |_: &Dialect| self.fields();
                let (response, asked) = provider.ask(fields, &NEEDED, request).await?;
                let body = provider.body(response).await?;
                let answer: Value = serde_json::from_slice(&body)
                    .map_err(|_| provider.garbage("something that is not JSON"))?;
                // Some servers answer 200, and say in the body what went wrong.
                if answer.get("text").is_none()
                    && let Some(refusal) = Refusal::of(&answer)
                {
                    return Err(provider.within_answer(&refusal, &asked));
                }
                let answer: TranscriptBody = serde_json::from_value(answer)
                    .map_err(|_| provider.garbage("something that is not JSON with a `text`"))?;
                Ok(answer.into())
            },
        )
        .await
    }

    /// The form's fields beside the file.
    fn fields(&self) -> Value {
        // Some models transcribe over a socket only.
        let model = match self.provider.model.as_str() {
            model if family::is_socket_only(model) => catalogue::default::STT,
            model => model,
        };
        let SttHints { prompt, keywords } = &self.hints;
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        put("model", model.into());
        let one_language = self
            .language
            .as_deref()
            .map(|language| ("language", language.into()));
        let (language, prompt) = match family::hearing(model) {
            family::Hearing::Keywords => {
                put("response_format", "json".into());
                if !keywords.is_empty() {
                    put("keywords[]", keywords.clone().into());
                }
                let language = self.language.clone();
                let languages = language.map(|language| ("languages[]", vec![language].into()));
                (languages, prompt.clone())
            }
            family::Hearing::Tokens => {
                put("response_format", "json".into());
                put("include[]", "logprobs".into());
                (one_language, self.hints.in_words())
            }
            family::Hearing::Whisper | family::Hearing::Socket => {
                put("response_format", "verbose_json".into());
                (one_language, self.hints.in_words())
            }
        };
        if let Some((name, language)) = language {
            put(name, language);
        }
        if let Some(prompt) = prompt {
            put("prompt", prompt.into());
        }
        Value::Object(fields)
    }
}

fn form(fields: &Value, file: &bytes::Bytes) -> Form {
    let length = file.len() as u64;
    let part = Part::stream_with_length(file.clone(), length)
        .file_name("audio.wav")
        .mime_str("audio/wav")
        .expect("a valid media type");
    let mut form = Form::new().part("file", part);
    for (name, value) in fields.as_object().into_iter().flatten() {
        let values = match value {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        for text in values.iter().filter_map(Value::as_str) {
            form = form.text(name.clone(), text.to_owned());
        }
    }
    form
}

/// The settings of a socket's session.
fn session_fields(model: &str, language: Option<&str>, hints: &SttHints) -> Value {
    let mut fields = Map::new();
    fields.insert("model".into(), model.into());
    let takes = family::hearing(model);
    if let Some(language) = language {
        match takes {
            family::Hearing::Keywords => fields.insert("languages".into(), vec![language].into()),
            _ => fields.insert("language".into(), language.into()),
        };
    }
    let prompt = match takes {
        family::Hearing::Keywords => {
            if !hints.keywords.is_empty() {
                fields.insert("keywords".into(), hints.keywords.clone().into());
            }
            hints.prompt.clone()
        }
        family::Hearing::Socket => None,
        family::Hearing::Tokens | family::Hearing::Whisper => hints.in_words(),
    };
    fields.extend(prompt.map(|prompt| ("prompt".to_owned(), prompt.into())));
    Value::Object(fields)
}

/// Both answer formats; what a server leaves out is unknown.
#[derive(Deserialize)]
struct TranscriptBody {
    /// Null where nothing was said.
    text: Option<String>,
    #[serde(default)]
    segments: Option<Vec<Segment>>,
    #[serde(default)]
    logprobs: Option<Vec<Token>>,
}

#[derive(Deserialize)]
struct Segment {
    #[serde(default)]
    avg_logprob: Option<f32>,
    #[serde(default)]
    no_speech_prob: Option<f32>,
}

#[derive(Deserialize)]
struct Token {
    logprob: f32,
}

impl From<TranscriptBody> for Transcript {
    fn from(answer: TranscriptBody) -> Self {
        let segments = answer.segments.unwrap_or_default();
        let by_segment = mean(segments.iter().filter_map(|segment| segment.avg_logprob));
        let by_token = mean(answer.logprobs.iter().flatten().map(|token| token.logprob));
        Self {
            text: spoken(&answer.text.unwrap_or_default()),
            no_speech_prob: mean(segments.iter().filter_map(|segment| segment.no_speech_prob)),
            avg_logprob: by_segment.or(by_token),
        }
    }
}

/// Letters and digits in lower case, one space between words.
fn plain(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) = values.fold((0.0, 0u16), |(sum, n), value| (sum + value, n + 1));
    (count > 0).then(|| sum / f32::from(count))
}

#[cfg(test)]
mod tests;
