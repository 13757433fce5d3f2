//! Text to speech: over HTTP (`POST /audio/speech`), or over the Realtime socket.

pub(in crate::openai) mod decoder;
pub(in crate::openai) mod kind;
pub(in crate::openai) mod realtime;
mod speech;

use sidetone_base::provider::{TtsProtocol, VOICES};
use std::time::Instant;

use futures::future::Either;
use futures::{Stream, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::error::{ProviderError, Stage};
use super::http::{Http, Provider, Settings, SettingsError};
pub use realtime::SpeechSockets;
use sidetone_base::audio::Pcm;

/// Turns text into speech. Clones share the connections.
#[derive(Clone)]
pub struct Tts {
    provider: Provider,
    protocol: Option<TtsProtocol>,
    response_format: Option<String>,
    sample_rate: Option<u32>,
    sockets: SpeechSockets,
}

/// What to say, and how.
#[derive(Clone, PartialEq)]
pub struct Speech {
    /// The words, at most 4096 characters for OpenAI.
    pub text: String,
    /// The voice's name in the protocol.
    pub voice: String,
    /// Style directions, for models that accept them.
    pub instructions: Option<String>,
    /// 0.25 to 4 (over the Realtime socket at most 1.5). `None` leaves the pace to the model.
    pub speed: Option<f32>,
}

/// A piece of a sentence's speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// The sentence begins here, or begins again: earlier pieces of it are void.
    pub begins: bool,
    /// Its next audio; may be empty if `said` is not.
    pub audio: Pcm<24_000>,
    /// The words in the sentence's audio, if they differ from the requested ones.
    pub said: Option<Reworded>,
}

/// Words that were spoken in place of others.
#[derive(Clone, PartialEq, Eq)]
pub struct Reworded(pub String);

/// Shows the size, never the words: they are personal data.
impl std::fmt::Debug for Reworded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reworded({} chars)", self.0.chars().count())
    }
}

impl Spoken {
    /// More of the sentence.
    fn audio(audio: Pcm<24_000>) -> Self {
        Self {
            begins: false,
            audio,
            said: None,
        }
    }
}

impl Tts {
    /// Creates a client of one provider. Clients with the same `sockets` share the open ones.
    ///
    /// # Errors
    /// If the settings cannot be used; the message names the field.
    pub fn new(
        http: &Http,
        sockets: &SpeechSockets,
        settings: Settings,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            provider: Provider::new(Stage::Tts, http, settings)?,
            protocol: None,
            response_format: None,
            sample_rate: None,
            sockets: sockets.clone(),
        })
    }

    /// The same client with this number of retries.
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.provider.retries = retries;
        self
    }

    /// The same client over this protocol. `None` selects Realtime for OpenAI's Realtime models at OpenAI's own
    /// address, and HTTP otherwise.
    pub fn with_protocol(mut self, protocol: Option<TtsProtocol>) -> Self {
        self.protocol = protocol;
        self
    }

    /// The same client with this `response_format` (`None`: "pcm"). The rate is that of raw samples, per second, if the
    /// server does not say (`None`: 24,000).
    pub fn with_format(
        mut self,
        response_format: Option<String>,
        sample_rate: Option<u32>,
    ) -> Self {
        (self.response_format, self.sample_rate) = (response_format, sample_rate);
        self
    }

    /// The protocol in use.
    pub fn protocol(&self) -> TtsProtocol {
        let default = if self.provider.is_openai() && self.provider.model.contains("realtime") {
            TtsProtocol::Realtime
        } else {
            TtsProtocol::Speech
        };
        self.protocol.unwrap_or(default)
    }

    /// Whether this is OpenAI's own server.
    pub fn is_openai(&self) -> bool {
        self.provider.is_openai()
    }

    /// The address and the model, for display.
    pub fn describe(&self) -> String {
        format!("{} {}", self.provider.host, self.provider.model)
    }

    /// Opens a connection ahead of the first request.
    pub async fn prewarm(&self) {
        self.provider.prewarm().await;
    }

    /// Opens the socket ahead of a call's first sentence, in the background, if the protocol uses one: a socket belongs
    /// to a voice and a speed.
    pub fn warm(&self, voice: &str, speed: Option<f32>) {
        if self.protocol() == TtsProtocol::Realtime {
            realtime::warm(self, voice, speed);
        }
    }

    /// The speech in pieces as they arrive, each with at least one sample or with words. Dropping the stream cancels
    /// the request. Until the first piece, failures are retried up to `deadline`; after an error the stream ends, and
    /// it ends without one only if the whole sentence arrived.
    pub fn speak(
        &self,
        speech: Speech,
        deadline: Instant,
    ) -> impl Stream<Item = Result<Spoken, ProviderError>> + Send + use<> {
        let tts = self.clone();
        match self.protocol() {
            TtsProtocol::Speech => {
                let opened = speech::open(tts, speech, deadline);
                Either::Left(stream::once(opened).try_flatten())
            }
            TtsProtocol::Realtime => {
                let opened = realtime::open(tts, speech, deadline);
                Either::Right(stream::once(opened).try_flatten())
            }
        }
    }
}

/// A voice as requests name it: OpenAI's custom voices are given by id.
fn voice(name: &str) -> Value {
    if name.starts_with("voice_") {
        json!({ "id": name })
    } else {
        name.into()
    }
}

/// OpenAI's voices over a protocol: each name, and the voice that speaks in its place if that differs. For `sidetone
/// check`.
pub fn voices(protocol: TtsProtocol) -> [(&'static str, &'static str); 13] {
    VOICES.map(|name| match protocol {
        TtsProtocol::Speech => (name, name),
        TtsProtocol::Realtime => (name, stand_in(name)),
    })
}

/// The Realtime socket lacks three voices of the speech endpoint; these speak in their place.
pub fn stand_in(voice: &str) -> &str {
    match voice {
        "nova" => "marin",
        "onyx" => "cedar",
        "fable" => "verse",
        other => other,
    }
}
