//! Doors for the tests that feed anything (`tests/fuzz`): what a provider sends, read as a call reads it,
//! without a connection.

use serde_json::Value;
use sidetone_base::audio::Pcm;
use sidetone_base::provider::LlmApi;

use super::ask::Known;
use super::llm::answer::Answer;
use super::llm::markup::Opening;
use super::refusal::Refusal;
use super::said::said;
use super::tts::decoder::Decoder;
use super::tts::kind::Label;
use super::tts::realtime::asking::{Manner, Script};
use super::tts::realtime::reading::Reading;
use super::tts::realtime::session::{Output, Part, Session};
use super::{ChatRequest, Delta, Tool};

/// All that an answer says, which comes in these pieces; whether it was whole.
pub fn answer<'a>(api: LlmApi, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Delta>, bool) {
    let request = ChatRequest {
        tools: vec![Tool {
            name: "look".into(),
            description: String::new(),
            parameters: serde_json::json!({ "type": "object" }),
        }],
        may_call: true,
        ..ChatRequest::default()
    };
    let mut answer = Answer::new(api, &request, Opening::Unknown);
    let mut said = Vec::new();
    for piece in pieces {
        let read = answer.push(piece);
        said.extend(std::iter::from_fn(|| answer.poll()));
        if read.is_err() {
            return (said, false);
        }
    }
    let is_whole = answer.flush().is_ok() && answer.end();
    said.extend(std::iter::from_fn(|| answer.poll()));
    (said, is_whole)
}

/// Samples of a body of speech that is labelled so and comes in these pieces.
pub fn speech<'a>(
    label: Option<&str>,
    configured: Option<u32>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Pcm<24_000> {
    let mut decoder = Decoder::new(Label::new(label, |_| None, configured));
    let mut sound = Pcm::default();
    for piece in pieces {
        match decoder.push(piece) {
            Ok(samples) => sound.append(&samples),
            Err(_) => return sound,
        }
    }
    if let Ok(samples) = decoder.finish() {
        sound.append(&samples);
    }
    sound
}

/// What a socket of speech gave.
#[derive(Debug, Default)]
pub struct Given {
    /// Bytes that were sent to the server.
    pub sent: usize,
    /// Samples of all sentences.
    pub samples: usize,
    /// Bytes of words, those that were told again included.
    pub words: usize,
    /// Sentences that ended.
    pub ends: usize,
}

/// Two sentences are asked for on a socket, of which these events come.
pub fn speech_socket<'a>(events: impl Iterator<Item = &'a str>) -> Given {
    let manner = Manner {
        voice: "nova".into(),
        speed: Some(1.25),
    };
    let mut session = Session::new(Known::nothing_of("api.example"), manner);
    for text in ["We open at nine.", "And on Sunday at ten."] {
        session.say(Script {
            text: text.into(),
            directions: None,
            again: false,
        });
    }
    let mut given = Given::default();
    let mut events = events.map(Some).chain([None]);
    for event in events.by_ref() {
        while let Some(output) = session.poll_output() {
            match output {
                Output::Send(event) => given.sent += event.to_string().len(),
                Output::Give(_, Part::Audio(audio)) => given.samples += audio.len(),
                Output::Give(_, Part::Words(words)) => given.words += words.len(),
                Output::Give(_, Part::End(_)) => given.ends += 1,
                // Nobody reads on.
                Output::Close(_) => return given,
            }
        }
        if let Some(event) = event {
            session.event(event);
        }
    }
    given
}

/// What is told of a refusal, in answer to a request of these words, with this key.
pub fn refusal(body: &[u8], key: &str, request: &Value) -> String {
    let refusal = Refusal::read(body);
    said(&refusal.message, &[key], request)
}

/// A transcript of what was to be read; whether it was, as far as one can say in mid-sentence and at the end.
pub fn reading(sentence: &str, transcript: &str) -> (bool, bool, String) {
    let reading = Reading::of(sentence);
    let verdict = format!("{:?}", reading.verdict(transcript));
    let (confirmed, astray) = (
        reading.is_confirmed(transcript),
        reading.goes_astray(transcript),
    );
    (confirmed, astray, verdict)
}
