//! Text to speech: `POST /audio/speech`, played from its first bytes.

use std::time::Instant;

use async_openai::types::audio::{
    CreateSpeechRequest, SpeechModel, SpeechResponseFormat, Voice as WireVoice,
};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use reqwest::Response;

use super::error::{ProviderError, Stage};
use super::http::{Http, Provider, Settings, SettingsError, media_type};
use super::retry::with_retries;
use crate::audio::{Pcm, PcmDecoder};
use crate::clock;

/// Turns text into speech. Cloning shares the connections.
#[derive(Clone)]
pub struct Tts {
    provider: Provider,
}

/// What to say, and how.
#[derive(Clone, PartialEq)]
pub struct Speech {
    /// The words, at most 4096 characters for OpenAI.
    pub text: String,
    /// The voice's name on the wire.
    pub voice: String,
    /// Style directions, for models that take them.
    pub instructions: Option<String>,
    /// 0.25 to 4; the model's own pace when `None`.
    pub speed: Option<f32>,
}

impl Tts {
    /// A client of one provider.
    ///
    /// # Errors
    /// When the settings cannot be used; the message names the field.
    pub fn new(http: &Http, settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            provider: Provider::new(Stage::Tts, http, settings)?,
        })
    }

    /// The same client, asking for another model.
    pub fn with_model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.provider.model);
        self
    }

    /// The same client, which tries again only this often.
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.provider.retries = retries;
        self
    }

    /// Where it asks, and for which model.
    pub fn describe(&self) -> String {
        format!("{} {}", self.provider.host, self.provider.model)
    }

    /// Opens a connection ahead of the first request.
    pub async fn prewarm(&self) {
        self.provider.prewarm().await;
    }

    /// The speech in pieces as they come, each of at least one sample. Dropping the stream
    /// cancels the request. Up to the first piece failures are retried, until `deadline`; the
    /// stream ends after an error.
    pub fn speak(
        &self,
        speech: Speech,
        deadline: Instant,
    ) -> impl Stream<Item = Result<Pcm<24_000>, ProviderError>> + Send + use<> {
        let tts = self.clone();
        let opened = async move { tts.open(speech, deadline).await };
        stream::once(opened).try_flatten()
    }

    async fn open(
        self,
        speech: Speech,
        deadline: Instant,
    ) -> Result<impl Stream<Item = Result<Pcm<24_000>, ProviderError>> + Send, ProviderError> {
        let provider = &self.provider;
        let request = CreateSpeechRequest {
            input: speech.text,
            model: SpeechModel::Other(provider.model.clone()),
            voice: WireVoice::Other(speech.voice),
            instructions: speech.instructions,
            response_format: Some(SpeechResponseFormat::Pcm),
            speed: speech.speed,
            stream_format: None,
        };
        let now = clock::now();
        let (first, body) = with_retries(
            provider.retries,
            deadline,
            || provider.out_of_time(now, deadline),
            async || {
                let response = provider
                    .send(provider.post("/audio/speech").json(&request))
                    .await?;
                if let Some(media) = media_type(&response)
                    && (media.starts_with("text/") || media.ends_with("json"))
                {
                    return Err(provider.garbage(&format!("{media} in place of sound")));
                }
                let mut body = Body {
                    provider: provider.clone(),
                    response,
                    decoder: PcmDecoder::new(),
                };
                let first = body.first().await?;
                Ok((first, body))
            },
        )
        .await?;
        let rest = stream::try_unfold(body, async |mut body| {
            Ok(body.next().await?.map(|pcm| (pcm, body)))
        });
        Ok(stream::once(async { Ok(first) }).chain(rest))
    }
}

/// An answer being read.
struct Body {
    provider: Provider,
    response: Response,
    decoder: PcmDecoder<24_000>,
}

impl Body {
    async fn first(&mut self) -> Result<Pcm<24_000>, ProviderError> {
        let Some(pcm) = self.next().await? else {
            return Err(self.provider.garbage("no sound at all"));
        };
        // A server that does not know `pcm` sends a file, which would be heard as noise.
        let container = match pcm.to_le_bytes().get(..4) {
            Some(b"RIFF") => "a WAV file in place of raw samples",
            Some(b"OggS") => "an Ogg file in place of raw samples",
            Some(b"fLaC") => "a FLAC file in place of raw samples",
            Some([b'I', b'D', b'3', _]) => "an MP3 file in place of raw samples",
            _ => return Ok(pcm),
        };
        Err(self.provider.garbage(container))
    }

    /// `None` at the end. Half a sample there is too short to hear and is dropped.
    async fn next(&mut self) -> Result<Option<Pcm<24_000>>, ProviderError> {
        while let Some(bytes) = self.provider.piece(&mut self.response).await? {
            let pcm = self.decoder.push(&bytes);
            if !pcm.is_empty() {
                return Ok(Some(pcm));
            }
        }
        Ok(None)
    }
}
