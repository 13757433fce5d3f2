//! What is asked of each stage's providers, and what another one needs to take over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessage as AssistantMessage,
    ChatCompletionRequestSystemMessage as SystemMessage,
};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};

use super::line::{Ask, Client};
use crate::audio::Pcm;
use crate::call::providers::{Piece, ProviderError};
use crate::clock;
use crate::config::providers::Noise;
use crate::openai::{self, ChatRequest, Delta, Llm, Speech, Stt, Tts};

/// Said to a model that takes over another's answer.
const GO_ON: &str = "Your answer was cut off after these words. Go on with exactly what comes \
                     next; do not repeat anything, and do not mention it.";
/// For the first sign of life in a probe.
const PROBE: Duration = Duration::from_secs(5);

/// The words of an utterance.
pub struct Transcribe {
    audio: Pcm<16_000>,
    noise: Arc<Noise>,
}

impl Transcribe {
    /// Of `audio`; words that are taken for `noise` are none.
    pub fn new(audio: Pcm<16_000>, noise: Arc<Noise>) -> Self {
        Self { audio, noise }
    }
}

impl Ask for Transcribe {
    type Client = Stt;
    type Item = String;

    fn ask(
        &mut self,
        stt: &Stt,
        retries: u32,
        deadline: Instant,
    ) -> BoxStream<'static, Result<String, ProviderError>> {
        let (stt, audio) = (stt.clone().with_retries(retries), self.audio.clone());
        let noise = Arc::clone(&self.noise);
        stream::once(async move {
            let transcript = stt.transcribe(&audio, deadline).await?;
            let Noise {
                no_speech,
                logprob,
                phrases,
            } = noise.as_ref();
            // Whisper invents words in silence; it also says how sure it is.
            let made_up = transcript.is_hallucinated(*no_speech, *logprob, phrases);
            Ok(if made_up {
                String::new()
            } else {
                transcript.text
            })
        })
        .boxed()
    }

    fn came(&mut self, _: &String) -> bool {
        false
    }
}

impl Client for Stt {
    fn probe(&self) -> BoxFuture<'static, bool> {
        let stt = self.clone().with_retries(0);
        async move {
            let silence = Pcm::new(vec![
                0;
                Pcm::<16_000>::samples_in(Duration::from_millis(500))
            ]);
            stt.transcribe(&silence, clock::now() + PROBE).await.is_ok()
        }
        .boxed()
    }
}

/// An answer of the model. Who takes over in its middle, or goes on after it broke off, is told how
/// far it has come.
pub struct Answer {
    request: ChatRequest,
    written: String,
}

impl Answer {
    /// To `request`.
    pub fn new(request: ChatRequest) -> Self {
        let written = String::new();
        Self { request, written }
    }
}

impl Ask for Answer {
    type Client = Llm;
    type Item = Piece;
    const GOES_ON: bool = true;

    fn ask(
        &mut self,
        llm: &Llm,
        retries: u32,
        deadline: Instant,
    ) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let mut request = self.request.clone();
        if !self.written.is_empty() {
            let written = AssistantMessage::from(self.written.as_str()).into();
            let go_on = SystemMessage::from(GO_ON).into();
            request.messages.extend([written, go_on]);
        }
        llm.clone()
            .with_retries(retries)
            .stream(request, deadline)
            .filter_map(async |delta| match delta {
                Ok(Delta::Text(text)) => Some(Ok(Piece::Text(text))),
                Ok(Delta::ToolCall(call)) => Some(Ok(Piece::Call(call))),
                Ok(Delta::Finished(_) | Delta::Usage(_)) => None,
                Err(error) => Some(Err(error.into())),
            })
            .boxed()
    }

    fn came(&mut self, piece: &Piece) -> bool {
        match piece {
            Piece::Text(text) => {
                self.written += text;
                true
            }
            // What a tool did is not done twice.
            Piece::Call(_) => false,
            Piece::Opaque(_) | Piece::Usage(_) => true,
        }
    }
}

impl Client for Llm {
    fn probe(&self) -> BoxFuture<'static, bool> {
        let request = ChatRequest {
            messages: vec![SystemMessage::from("Say: yes").into()],
            max_tokens: Some(1),
            ..ChatRequest::default()
        };
        let llm = self.clone().with_retries(0);
        async move {
            let mut answer = std::pin::pin!(llm.stream(request, clock::now() + PROBE));
            matches!(answer.next().await, Some(Ok(_)))
        }
        .boxed()
    }
}

/// A provider of speech, and how it is to speak.
#[derive(Clone)]
pub struct Speaker {
    /// The provider.
    pub tts: Tts,
    /// The voice's name there.
    pub voice: String,
    /// Style directions.
    pub instructions: Option<String>,
    /// 0.25 to 4.
    pub speed: Option<f32>,
}

impl Speaker {
    /// The same for the same sound of the same words.
    pub fn describe(&self) -> String {
        let Self {
            tts,
            voice,
            instructions,
            speed,
        } = self;
        let (where_to, protocol) = (tts.describe(), tts.protocol());
        format!("{where_to} {protocol:?} {voice} {instructions:?} {speed:?}")
    }

    /// Opens what the first sentence will need, in the background.
    pub fn warm(&self) {
        self.tts.warm(&self.voice, self.speed);
    }

    fn speech(&self, text: String) -> Speech {
        Speech {
            text,
            voice: self.voice.clone(),
            instructions: self.instructions.clone(),
            speed: self.speed,
        }
    }
}

impl Client for Speaker {
    fn probe(&self) -> BoxFuture<'static, bool> {
        let tts = self.tts.clone().with_retries(0);
        let speech = self.speech("Yes.".into());
        async move {
            let mut audio = std::pin::pin!(tts.speak(speech, clock::now() + PROBE));
            matches!(audio.next().await, Some(Ok(_)))
        }
        .boxed()
    }
}

/// These words as speech. Who takes over in their middle begins anew, and says so with the first
/// piece.
pub struct Say(pub String);

impl Ask for Say {
    type Client = Speaker;
    type Item = openai::Spoken;

    fn ask(
        &mut self,
        speaker: &Speaker,
        retries: u32,
        deadline: Instant,
    ) -> BoxStream<'static, Result<openai::Spoken, ProviderError>> {
        let speech = speaker.speech(self.0.clone());
        let tts = speaker.tts.clone().with_retries(retries);
        let pieces = tts.speak(speech, deadline);
        pieces
            .map(|piece| piece.map_err(ProviderError::from))
            .boxed()
    }

    fn came(&mut self, _: &openai::Spoken) -> bool {
        true
    }
}
