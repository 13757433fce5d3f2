//! Speech to text: `POST /audio/transcriptions`.

use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use serde::Deserialize;

use super::error::{ProviderError, Stage};
use super::http::{Http, Provider, Settings, SettingsError};
use super::realtime::Hearing;
use super::retry::with_retries;
use crate::audio::{Pcm, wav};
use crate::clock;

/// Turns an utterance into words. Cloning shares the connections.
#[derive(Clone)]
pub struct Stt {
    provider: Provider,
    language: Option<String>,
}

/// What was said.
#[derive(Clone, PartialEq)]
pub struct Transcript {
    /// The words; empty when there are none.
    pub text: String,
    /// How sure the model is that nobody spoke, 0 to 1, where the model tells.
    pub no_speech_prob: Option<f32>,
    /// Mean log-probability of the words, where the model tells.
    pub avg_logprob: Option<f32>,
}

impl Transcript {
    /// Whether the words are likely made up from silence or noise: the model thinks that nobody
    /// spoke, and is unsure of the words where it tells. One of both is enough for `made_up`
    /// phrases, which models are known to write for silence; never the phrase alone.
    pub fn is_hallucinated(&self, no_speech: f32, logprob: f32, made_up: &[String]) -> bool {
        let nobody = self.no_speech_prob.is_some_and(|p| p > no_speech);
        let unsure = self.avg_logprob.map(|p| p < logprob);
        if nobody && unsure.unwrap_or(true) {
            return true;
        }
        (nobody || unsure == Some(true)) && {
            let said = plain(&self.text);
            made_up.iter().any(|phrase| plain(phrase) == said)
        }
    }
}

/// Says how much there is, never the words: they are personal data.
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
    /// A client of one provider. `language` is an ISO-639-1 code; without it the model guesses.
    ///
    /// # Errors
    /// When the settings cannot be used; the message names the field.
    pub fn new(
        http: &Http,
        settings: Settings,
        language: Option<String>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            provider: Provider::new(Stage::Stt, http, settings)?,
            language,
        })
    }

    /// The same client, asking for another model.
    pub fn with_model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.provider.model);
        self
    }

    /// The same client for speech in this language (BCP 47); none: the model detects it.
    pub fn with_language(mut self, language: Option<&str>) -> Self {
        let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or(tag).to_lowercase();
        self.language = language.map(primary);
        self
    }

    /// The same client, which tries again only this often.
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.provider.retries = retries;
        self
    }

    /// Speech to text as the speech is spoken, over a socket of its own; words that take longer
    /// than `patience` are asked for with [`Stt::transcribe`].
    pub fn hear(&self, patience: Duration) -> Hearing {
        Hearing::open(self.provider.clone(), self.language.clone(), patience)
    }

    /// Opens a connection ahead of the first request.
    pub async fn prewarm(&self) {
        self.provider.prewarm().await;
    }

    /// The words of an utterance. Dropping the future cancels the request.
    ///
    /// # Errors
    /// When the provider fails and there is no retry left before `deadline`.
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
                let request = provider
                    .post("/audio/transcriptions")
                    .multipart(self.form(&file));
                let response = provider.send(request).await?;
                let body = provider.body(response).await?;
                let answer: Answer = serde_json::from_slice(&body)
                    .map_err(|_| provider.garbage("what is no JSON with a `text`"))?;
                Ok(answer.into())
            },
        )
        .await
    }

    fn form(&self, file: &bytes::Bytes) -> Form {
        let length = file.len() as u64;
        let part = Part::stream_with_length(file.clone(), length)
            .file_name("audio.wav")
            .mime_str("audio/wav")
            .expect("a valid media type");
        let form = Form::new()
            .part("file", part)
            .text("model", self.provider.model.clone());
        // OpenAI's gpt-* models answer only plain JSON and tell their certainty as token
        // log-probabilities; Whisper, there and elsewhere, tells it by segment.
        let form = if self.provider.model.starts_with("gpt-") {
            form.text("response_format", "json")
                .text("include[]", "logprobs")
        } else {
            form.text("response_format", "verbose_json")
        };
        match &self.language {
            Some(language) => form.text("language", language.clone()),
            None => form,
        }
    }
}

/// Both answer formats; what a server leaves out is not known.
#[derive(Deserialize)]
struct Answer {
    text: String,
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

impl From<Answer> for Transcript {
    fn from(answer: Answer) -> Self {
        let segments = answer.segments.unwrap_or_default();
        let by_segment = mean(segments.iter().filter_map(|segment| segment.avg_logprob));
        let by_token = mean(answer.logprobs.iter().flatten().map(|token| token.logprob));
        Self {
            text: answer.text.trim().to_owned(),
            no_speech_prob: mean(segments.iter().filter_map(|segment| segment.no_speech_prob)),
            avg_logprob: by_segment.or(by_token),
        }
    }
}

/// Letters and digits in small, one space between words.
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
mod tests {
    use super::*;

    #[test]
    fn words_are_made_up_when_the_signs_say_so() {
        let made_up = ["thank you".to_owned()];
        for (text, no_speech_prob, avg_logprob, expected) in [
            ("Thank you.", None, None, false),
            ("Thank you.", Some(0.1), Some(-0.2), false),
            ("Thank you.", Some(0.9), Some(-0.2), true),
            (" Thank   YOU!", None, Some(-1.5), true),
            ("No, thank you.", Some(0.9), Some(-0.2), false),
            ("Hello?", Some(0.9), Some(-0.2), false),
            ("Hello?", Some(0.9), Some(-1.2), true),
            ("Hello?", Some(0.9), None, true),
            ("Hello?", None, Some(-3.0), false),
            ("Hello?", Some(0.5), Some(-3.0), false),
        ] {
            let transcript = Transcript {
                text: text.into(),
                no_speech_prob,
                avg_logprob,
            };
            let answer = transcript.is_hallucinated(0.6, -1.0, &made_up);
            assert_eq!(answer, expected, "{transcript:?} {text}");
        }
    }
}
