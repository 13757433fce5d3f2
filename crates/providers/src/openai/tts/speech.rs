//! Speech over HTTP: `POST /audio/speech`, played from its first bytes.

use std::time::Instant;

use async_openai::types::audio::{CreateSpeechRequest, SpeechModel, SpeechResponseFormat, Voice};
use futures::{Stream, StreamExt as _, stream};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::super::dialect::Dialect;
use super::super::error::ProviderError;
use super::super::http::Provider;
use super::super::refusal::Refusal;
use super::super::retry::with_retries;
use super::decoder::{Decoder, Fault};
use super::kind::Label;
use super::{Speech, Spoken, Tts, voice};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;

/// Samples of one sentence, two minutes: beyond that a model will not stop by itself.
pub(super) const LONGEST: usize = 120 * 24_000;
/// Fields that a request cannot do without.
const NEEDED: [&str; 3] = ["model", "input", "voice"];

/// The sentence in pieces as they arrive. Returns once the first is there.
pub(super) async fn open(
    tts: Tts,
    speech: Speech,
    deadline: Instant,
) -> Result<impl Stream<Item = Result<Spoken, ProviderError>> + Send, ProviderError> {
    let provider = &tts.provider;
    let now = clock::now();
    let (first, body) = with_retries(
        provider.retries,
        deadline,
        || provider.out_of_time(now, deadline),
        async || {
            let fields = |_: &Dialect| request(&tts, &speech);
            let post = |fields: &Value| provider.post("/audio/speech").json(fields);
            let (response, asked) = provider.ask(fields, &NEEDED, post).await?;
            let mut body = SpeechBody {
                provider: provider.clone(),
                decoder: Decoder::new(label(&response, tts.sample_rate)),
                response: Some(response),
                samples: 0,
                asked,
            };
            let first = body.next().await?;
            let nothing = || ProviderError::unspoken(&provider.host, "no sound at all");
            Ok((first.ok_or_else(nothing)?, body))
        },
    )
    .await?;
    let rest = stream::try_unfold(body, async |mut body| {
        Ok(body.next().await?.map(|pcm| (Spoken::audio(pcm), body)))
    });
    let first = Spoken {
        begins: true,
        ..Spoken::audio(first)
    };
    Ok(stream::once(async { Ok(first) }).chain(rest))
}

fn request(tts: &Tts, speech: &Speech) -> Value {
    let format = match tts.response_format.as_deref() {
        Some("wav") => SpeechResponseFormat::Wav,
        _ => SpeechResponseFormat::Pcm,
    };
    let request = CreateSpeechRequest {
        input: speech.text.clone(),
        model: SpeechModel::Other(tts.provider.model.clone()),
        voice: Voice::Other(speech.voice.clone()),
        instructions: speech.instructions.clone(),
        response_format: Some(format),
        speed: speech.speed,
        stream_format: None,
    };
    // Plain data always serializes.
    let mut fields = serde_json::to_value(request).unwrap_or_default();
    fields["voice"] = voice(&speech.voice);
    fields
}

fn label(response: &Response, sample_rate: Option<u32>) -> Label {
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    Label::new(header(CONTENT_TYPE.as_str()), header, sample_rate)
}

/// An answer being read.
struct SpeechBody {
    provider: Provider,
    /// `None` once it was read to its end.
    response: Option<Response>,
    decoder: Decoder,
    /// Samples so far.
    samples: usize,
    /// The request that it answers.
    asked: Value,
}

impl SpeechBody {
    /// At least one sample. `None` at the end.
    async fn next(&mut self) -> Result<Option<Pcm<24_000>>, ProviderError> {
        while let Some(response) = &mut self.response {
            let piece = self.provider.piece(response).await?;
            let decoded = match &piece {
                Some(bytes) => self.decoder.push(bytes),
                None => self.decoder.finish(),
            };
            let pcm = decoded.map_err(|fault| self.failure(fault))?;
            if piece.is_none() || self.decoder.is_over() {
                self.response = None;
            }
            self.samples += pcm.len();
            if self.samples > LONGEST {
                let host = &self.provider.host;
                return Err(ProviderError::unspoken(host, "more than 120 s of sound"));
            }
            if !pcm.is_empty() {
                return Ok(Some(pcm));
            }
        }
        Ok(None)
    }

    fn failure(&self, fault: Fault) -> ProviderError {
        let (stage, host) = (self.provider.stage, &self.provider.host);
        match fault {
            Fault::NotSpeech(what) => ProviderError::not_speech(host, &what),
            Fault::Foreign(what) => self.provider.garbage(&format!("{what} in place of sound")),
            Fault::Cut => ProviderError::broken_off(stage, host),
            Fault::Reported(body) => {
                let refusal = Refusal::read(&body);
                self.provider.within_answer(&refusal, &self.asked)
            }
        }
    }
}
