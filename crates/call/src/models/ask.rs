//! The request for each stage's providers, and what a fallback needs in order to take over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};

use super::line::{Ask, Client};
use super::loudness;
use crate::providers::{Piece, ProviderError};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_config::prices::Used;
use sidetone_config::providers::Noise;
use sidetone_providers::openai::{self, ChatRequest, Delta, Llm, Message, Role, Speech, Stt, Tts};

/// Told to a model that continues another's answer.
const GO_ON: &str = "Your answer was cut off after these words. Go on with exactly what comes \
                     next; do not repeat anything, and do not mention it.";
/// Deadline of a probe's first sign of life.
const PROBE: Duration = Duration::from_secs(5);
/// A model is probed with a real request, as small as a caller's can be: some servers reject a conversation without a
/// user message, and some a limit of one token.
const PROBED: [(Role, &str); 2] = [
    (
        Role::System,
        "You are asked whether you work. Answer in one word.",
    ),
    (Role::User, "Do you work?"),
];

/// Requests the words of an utterance.
pub struct AskStt {
    audio: Pcm<16_000>,
    noise: Arc<Noise>,
}

impl AskStt {
    /// For `audio`; words that look like `noise` are discarded.
    pub fn new(audio: Pcm<16_000>, noise: Arc<Noise>) -> Self {
        Self { audio, noise }
    }
}

impl Ask for AskStt {
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
            // Whisper invents words in silence, but also reports its confidence. For models that do not, the sound
            // itself is judged.
            let knows = transcript.no_speech_prob.is_some() || transcript.avg_logprob.is_some();
            let made_up = match knows {
                true => transcript.is_hallucinated(*no_speech, *logprob, phrases),
                false => transcript.is_one_of(phrases) && !loudness::is_speech(&audio),
            };
            Ok(if made_up {
                String::new()
            } else {
                transcript.text
            })
        })
        .boxed()
    }

    fn sent(&self) -> Used {
        Used {
            heard_ms: ms(self.audio.duration()),
            ..Used::default()
        }
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

/// Requests an answer from the model. A provider that takes over in the middle, or continues after a break, is told
/// how far the answer has come.
pub struct AskLlm {
    request: ChatRequest,
    written: String,
}

impl AskLlm {
    /// For `request`.
    pub fn new(request: ChatRequest) -> Self {
        let written = String::new();
        Self { request, written }
    }
}

impl Ask for AskLlm {
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
            let written = Message::new(Role::Assistant, self.written.as_str());
            let go_on = Message::new(Role::System, GO_ON);
            request.messages.extend([written, go_on]);
        }
        llm.clone()
            .with_retries(retries)
            .stream(request, deadline)
            .filter_map(async |delta| match delta {
                Ok(Delta::Text(text)) => Some(Ok(Piece::Text(text))),
                Ok(Delta::Calling) => Some(Ok(Piece::Calling)),
                Ok(Delta::ToolCall(call)) => Some(Ok(Piece::Call(call))),
                Ok(Delta::Opaque(opaque)) => Some(Ok(Piece::Opaque(opaque))),
                Ok(Delta::Usage(usage)) => Some(Ok(Piece::Usage(usage))),
                Ok(Delta::Finished(_)) => None,
                Err(error) => Some(Err(error.into())),
            })
            .boxed()
    }

    fn used(piece: &Piece) -> Used {
        match piece {
            Piece::Usage(usage) => Used {
                prompt_tokens: usage.prompt_tokens.into(),
                cached_tokens: usage.cached_tokens.into(),
                completion_tokens: usage.completion_tokens.into(),
                ..Used::default()
            },
            Piece::Text(_) | Piece::Calling | Piece::Call(_) | Piece::Opaque(_) => Used::default(),
        }
    }

    fn came(&mut self, piece: &Piece) -> bool {
        match piece {
            Piece::Text(text) => {
                self.written += text;
                true
            }
            // A tool's effect must not happen twice.
            Piece::Call(_) => false,
            Piece::Calling | Piece::Opaque(_) | Piece::Usage(_) => true,
        }
    }

    fn probe(&self, llm: &Llm) -> BoxFuture<'static, bool> {
        let request = ChatRequest {
            messages: PROBED.map(|(role, text)| Message::new(role, text)).into(),
            ..self.request.clone()
        };
        probe(llm, request)
    }
}

impl Client for Llm {
    fn probe(&self) -> BoxFuture<'static, bool> {
        let request = ChatRequest {
            messages: PROBED.map(|(role, text)| Message::new(role, text)).into(),
            ..ChatRequest::default()
        };
        probe(self, request)
    }
}

/// Whether the model begins to answer; the rest is not awaited.
fn probe(llm: &Llm, request: ChatRequest) -> BoxFuture<'static, bool> {
    let llm = llm.clone().with_retries(0);
    async move {
        let mut answer = std::pin::pin!(llm.stream(request, clock::now() + PROBE));
        matches!(answer.next().await, Some(Ok(_)))
    }
    .boxed()
}

/// A TTS provider, with voice and style.
#[derive(Clone)]
pub struct SpeechClient {
    /// The provider.
    pub tts: Tts,
    /// The provider's name for the voice.
    pub voice: String,
    /// Style directions.
    pub instructions: Option<String>,
    /// 0.25 to 4.
    pub speed: Option<f32>,
}

impl SpeechClient {
    /// The cache key of a phrase: equal descriptions give the same sound for the same words.
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

    /// Opens in the background what the first sentence will need.
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

impl Client for SpeechClient {
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

/// Requests these words as speech. A provider that takes over in the middle starts them over, and says so with its
/// first piece.
pub struct AskTts(pub String);

impl Ask for AskTts {
    type Client = SpeechClient;
    type Item = openai::Spoken;

    fn ask(
        &mut self,
        speaker: &SpeechClient,
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

    fn sent(&self) -> Used {
        Used {
            characters: self.0.chars().count() as u64,
            ..Used::default()
        }
    }

    fn used(spoken: &openai::Spoken) -> Used {
        Used {
            spoken_ms: ms(spoken.audio.duration()),
            ..Used::default()
        }
    }

    fn came(&mut self, _: &openai::Spoken) -> bool {
        true
    }
}

/// Whole milliseconds, as they are counted.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
