//! Entry points for the tests that feed arbitrary input (`tests/fuzz`): what a provider sends is read as in a call,
//! without a connection.

use serde_json::Value;
use sidetone_base::audio::Pcm;
use sidetone_base::provider::LlmApi;

use super::ask::Known;
use super::dialect::Opening;
use super::llm::answer::Answer;
use super::refusal::Refusal;
use super::said::said;
use super::tts::decoder::Decoder;
use super::tts::kind::Label;
use super::tts::realtime::asking::{Manner, Script};
use super::tts::realtime::reading::Reading;
use super::tts::realtime::session::{Output, Part, Session};
use super::{ChatRequest, Delta, Tool};

/// Everything that an answer in these pieces says, and whether it was complete.
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

/// The number of samples in a body of speech with this label, which arrives in these pieces.
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

/// What a speech socket produced.
#[derive(Debug, Default)]
pub struct Given {
    /// Bytes sent to the server.
    pub sent: usize,
    /// Samples of all sentences.
    pub samples: usize,
    /// Bytes of transcribed words, including repeated ones.
    pub words: usize,
    /// How often each of the two sentences ended.
    pub ends: [usize; 2],
    /// Parts of a sentence that came after its end, or of one that was not requested.
    pub astray: usize,
}

/// Requests two sentences on a socket that receives these events.
pub fn speech_socket<'a>(events: impl Iterator<Item = &'a str>) -> Given {
    let manner = Manner {
        voice: "nova".into(),
        speed: Some(1.25),
    };
    let mut session = Session::new(Known::nothing_of("api.example"), manner);
    let sentences = ["We open at nine.", "And on Sunday at ten."].map(|text| {
        session.say(Script {
            text: text.into(),
            directions: None,
            again: false,
        })
    });
    let mut given = Given::default();
    let mut events = events.map(Some).chain([None]);
    for event in events.by_ref() {
        while let Some(output) = session.poll_output() {
            let (sentence, part) = match output {
                Output::Send(event) => {
                    given.sent += event.to_string().len();
                    continue;
                }
                Output::Give(sentence, part) => (sentence, part),
                // Nobody reads on.
                Output::Close(_) => return given,
            };
            match sentences.iter().position(|known| *known == sentence) {
                Some(n) if given.ends[n] == 0 || matches!(part, Part::End(_)) => {
                    given.ends[n] += usize::from(matches!(part, Part::End(_)));
                }
                _ => given.astray += 1,
            }
            match part {
                Part::Audio(audio) => given.samples += audio.len(),
                Part::Words(words) => given.words += words.len(),
                Part::End(_) => {}
            }
        }
        if let Some(event) = event {
            session.event(event);
        }
    }
    given
}

/// The message shown for a refusal of a request with these words and this key.
pub fn refusal(body: &[u8], key: &str, request: &Value) -> String {
    let refusal = Refusal::read(body);
    said(&refusal.message, &[key], request)
}

/// Judges a transcript of a sentence: whether it confirms the sentence so far, whether it goes astray, and the final
/// verdict.
pub fn reading(sentence: &str, transcript: &str) -> (bool, bool, String) {
    let reading = Reading::of(sentence);
    let verdict = format!("{:?}", reading.verdict(transcript));
    let (confirmed, astray) = (
        reading.is_confirmed(transcript),
        reading.goes_astray(transcript),
    );
    (confirmed, astray, verdict)
}
