//! What one Realtime socket is asked for, and which of its events belong to which sentence. PURE: events in,
//! [`Output`]s out.
//!
//! Each sentence is a response outside the conversation (`conversation: "none"`); several run at once. From
//! `response.created` on, a response is known by its id; that event names the sentence in its metadata (servers that
//! drop metadata answer in order).

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::super::super::ask::Known;
use super::super::super::error::{ProviderError, Stage};
use super::super::super::refusal::Refusal;
use super::super::speech::LONGEST;
use super::asking::{Manner, Script, optional};
use sidetone_base::audio::{Pcm, PcmDecoder};

/// Bytes of words in the longest sentence's time, ten times over.
const MOST_WORDS: usize = 32 << 10;
/// Parts of a response.
const MOST_ITEMS: usize = 16;
/// Responses at once, for sentences wanted or not; a call has two or three.
const MOST_RUNNING: usize = 64;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(in crate::openai) enum Output {
    /// Send this to the server.
    Send(Value),
    /// Pass this part to the receiver of the sentence.
    Give(u64, Part),
    /// The socket is useless from now on: its sentences move to another, or fail for this reason.
    Close(Option<ProviderError>),
}

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::openai) enum Part {
    /// Its next audio.
    Audio(Pcm<24_000>),
    /// All of its words so far.
    Words(String),
    /// Nothing more comes.
    End(Result<(), ProviderError>),
}

/// See the module's documentation.
pub(in crate::openai) struct Session {
    known: Known,
    manner: Manner,
    /// By number.
    sentences: BTreeMap<u64, Sentence>,
    /// The sentences of the responses that have an id.
    responses: HashMap<String, u64>,
    /// Responses that have begun and not ended, including unwanted ones.
    running: HashSet<String>,
    next: u64,
    /// The server has accepted the session's settings.
    is_set: bool,
    /// The server makes one response at a time.
    one_by_one: bool,
    /// Sentences that are not requested yet.
    waiting: VecDeque<u64>,
    outputs: VecDeque<Output>,
}

struct Sentence {
    script: Script,
    /// The request, once it was sent.
    sent: Option<Value>,
    response: Option<String>,
    /// The sentence is no longer wanted; the response is cancelled as soon as it has an id.
    unwanted: bool,
    /// A reasoning model may speak in two parts: before and after it thought.
    items: BTreeMap<u64, Item>,
    samples: usize,
}

#[derive(Default)]
struct Item {
    decoder: PcmDecoder<24_000>,
    /// Waits for the items before it.
    audio: Pcm<24_000>,
    words: String,
    done: bool,
}

impl Session {
    /// For a socket that has just opened.
    pub(in crate::openai) fn new(known: Known, manner: Manner) -> Self {
        let mut session = Self {
            known,
            manner,
            sentences: BTreeMap::new(),
            responses: HashMap::new(),
            running: HashSet::new(),
            next: 0,
            is_set: false,
            one_by_one: false,
            waiting: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        let settings = session.manner.settings(&session.known.dialect());
        session.send(json!({
            "type": "session.update", "event_id": "session", "session": settings,
        }));
        session
    }

    /// What is to be done next.
    pub(in crate::openai) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether no sentence is wanted.
    pub(in crate::openai) fn is_idle(&self) -> bool {
        self.sentences.is_empty()
    }

    /// Begins a sentence. Returns its number.
    pub(in crate::openai) fn say(&mut self, script: Script) -> u64 {
        self.next += 1;
        let sentence = Sentence {
            script,
            sent: None,
            response: None,
            unwanted: false,
            items: BTreeMap::new(),
            samples: 0,
        };
        self.sentences.insert(self.next, sentence);
        self.waiting.push_back(self.next);
        self.ask_on();
        self.next
    }

    /// The sentence is no longer wanted.
    pub(in crate::openai) fn cancel(&mut self, number: u64) {
        let Some(sentence) = self.sentences.get_mut(&number) else {
            return;
        };
        match &sentence.response {
            Some(id) => {
                let id = id.clone();
                self.cancel_response(number, &id);
                self.forget(number);
            }
            None if sentence.sent.is_some() => sentence.unwanted = true,
            None => self.forget(number),
        }
    }

    fn cancel_response(&mut self, number: u64, id: &str) {
        self.send(json!({
            "type": "response.cancel", "event_id": format!("cancel_{number}"), "response_id": id,
        }));
    }

    fn send(&mut self, event: Value) {
        self.outputs.push_back(Output::Send(event));
    }

    fn forget(&mut self, number: u64) {
        self.waiting.retain(|other| *other != number);
        if let Some(Sentence { response, .. }) = self.sentences.remove(&number)
            && let Some(id) = response
        {
            self.responses.remove(&id);
        }
    }

    fn end(&mut self, number: u64, end: Result<(), ProviderError>) {
        self.forget(number);
        self.outputs.push_back(Output::Give(number, Part::End(end)));
        self.ask_on();
    }

    /// Requests the waiting sentences, as far as the server accepts them.
    fn ask_on(&mut self) {
        while let Some(number) = self.waiting.front().copied() {
            let asked =
                |sentence: &Sentence| sentence.sent.is_some() && sentence.response.is_none();
            let busy = !self.running.is_empty() || self.sentences.values().any(asked);
            if self.one_by_one && busy {
                return;
            }
            self.waiting.pop_front();
            let Some(sentence) = self.sentences.get_mut(&number) else {
                continue;
            };
            let response = sentence.script.response(number, &self.known.dialect());
            sentence.sent = Some(response.clone());
            self.send(json!({
                "type": "response.create", "event_id": format!("say_{number}"),
                "response": response,
            }));
        }
    }

    /// Takes an event of the server.
    pub(in crate::openai) fn event(&mut self, text: &str) {
        let Ok(event) = serde_json::from_str::<Value>(text) else {
            return self.close(Some(ProviderError::garbage(
                Stage::Tts,
                &self.known.host,
                "an event that is not JSON",
            )));
        };
        // Azure and the preview of the protocol use the names without `output_`.
        let kind = event["type"].as_str().unwrap_or_default();
        let kind = kind.replace("response.output_audio", "response.audio");
        match kind.as_str() {
            "session.updated" => self.is_set = true,
            "response.created" => self.created(&event["response"]),
            "response.audio.delta" => self.audio(&event),
            "response.audio_transcript.delta" => {
                self.words(&event, |words| *words += text_of(&event["delta"]));
            }
            "response.audio_transcript.done" => {
                let whole = text_of(&event["transcript"]);
                self.words(&event, |words| whole.clone_into(words));
            }
            // So that an item waits for those before it.
            "response.output_item.added" => {
                self.item(&event);
            }
            "response.output_item.done" => {
                if let Some((number, item)) = self.item(&event) {
                    item.done = true;
                    self.give_on(number, false);
                }
            }
            "response.done" => self.done(&event["response"]),
            "rate_limits.updated" => {
                tracing::debug!(host = self.known.host, limits = %event["rate_limits"], "rate limits");
            }
            "error" => self.error(&event),
            _ => {}
        }
    }

    fn close(&mut self, error: Option<ProviderError>) {
        self.outputs.push_back(Output::Close(error));
    }

    fn created(&mut self, response: &Value) {
        let id = text_of(&response["id"]).to_owned();
        if self.running.len() >= MOST_RUNNING {
            let what = "more responses than were asked for";
            let error = ProviderError::garbage(Stage::Tts, &self.known.host, what);
            return self.close(Some(error));
        }
        self.running.insert(id.clone());
        let named = text_of(&response["metadata"]["sentence"]).parse().ok();
        let asked = |sentence: &Sentence| sentence.sent.is_some() && sentence.response.is_none();
        let first = self.sentences.iter().find(|(_, sentence)| asked(sentence));
        let Some(number) = named.or(first.map(|(number, _)| *number)) else {
            return;
        };
        // Nobody requested it, or it is a second response for one sentence.
        let sentence = self.sentences.get_mut(&number);
        let Some(sentence) = sentence.filter(|sentence| sentence.response.is_none()) else {
            return self.cancel_response(number, &id);
        };
        sentence.response = Some(id.clone());
        if sentence.unwanted {
            self.cancel_response(number, &id);
            self.forget(number);
        } else {
            self.responses.insert(id, number);
        }
    }

    /// What an event belongs to. `None` if that is no longer wanted.
    fn item(&mut self, event: &Value) -> Option<(u64, &mut Item)> {
        let number = *self.responses.get(text_of(&event["response_id"]))?;
        let sentence = self.sentences.get_mut(&number)?;
        let index = event["output_index"].as_u64().unwrap_or_default();
        if sentence.items.len() >= MOST_ITEMS && !sentence.items.contains_key(&index) {
            return None;
        }
        Some((number, sentence.items.entry(index).or_default()))
    }

    fn audio(&mut self, event: &Value) {
        let Some((number, item)) = self.item(event) else {
            return;
        };
        let Ok(bytes) = BASE64_STANDARD.decode(text_of(&event["delta"])) else {
            let error =
                ProviderError::garbage(Stage::Tts, &self.known.host, "audio that is not base64");
            return self.give_up(number, error);
        };
        let audio = item.decoder.push(&bytes);
        item.audio.append(&audio);
        let Some(sentence) = self.sentences.get_mut(&number) else {
            return;
        };
        sentence.samples += audio.len();
        if sentence.samples > LONGEST {
            let error = ProviderError::unspoken(&self.known.host, "more than two minutes of sound");
            return self.give_up(number, error);
        }
        self.give_on(number, false);
    }

    /// Fails a sentence whose response goes on.
    fn give_up(&mut self, number: u64, error: ProviderError) {
        let sentence = self.sentences.get(&number);
        if let Some(id) = sentence.and_then(|sentence| sentence.response.clone()) {
            self.cancel_response(number, &id);
        }
        self.end(number, Err(error));
    }

    fn words(&mut self, event: &Value, change: impl FnOnce(&mut String)) {
        let Some((number, item)) = self.item(event) else {
            return;
        };
        change(&mut item.words);
        let Some(sentence) = self.sentences.get(&number) else {
            return;
        };
        let items = sentence.items.values().map(|item| item.words.trim());
        let words: Vec<&str> = items.filter(|words| !words.is_empty()).collect();
        let words = words.join(" ");
        if words.len() > MOST_WORDS {
            let error =
                ProviderError::unspoken(&self.known.host, "more words than two minutes have");
            return self.give_up(number, error);
        }
        let words = Part::Words(words);
        self.outputs.push_back(Output::Give(number, words));
    }

    /// Passes on audio in the order of the items: each once those before it are done, or all.
    fn give_on(&mut self, number: u64, all: bool) {
        let Some(sentence) = self.sentences.get_mut(&number) else {
            return;
        };
        for item in sentence.items.values_mut() {
            let audio = std::mem::take(&mut item.audio);
            if !audio.is_empty() {
                self.outputs
                    .push_back(Output::Give(number, Part::Audio(audio)));
            }
            if !item.done && !all {
                return;
            }
        }
    }

    fn done(&mut self, response: &Value) {
        let id = text_of(&response["id"]);
        self.running.remove(id);
        let Some(number) = self.responses.get(id).copied() else {
            return self.ask_on();
        };
        let details = &response["status_details"];
        let end = match text_of(&response["status"]) {
            "completed" => Ok(()),
            "failed" => Err(self.failure(number, details)),
            "incomplete" if text_of(&details["reason"]) == "content_filter" => Err(
                ProviderError::unspoken(&self.known.host, "a refusal by its filter"),
            ),
            "incomplete" => Err(ProviderError::unspoken(
                &self.known.host,
                "only a part of the speech",
            )),
            _ => Err(ProviderError::broken_off(Stage::Tts, &self.known.host)),
        };
        self.give_on(number, true);
        self.end(number, end);
    }

    /// Builds the error from a report about a sentence.
    fn failure(&self, number: u64, details: &Value) -> ProviderError {
        let sentence = self.sentences.get(&number);
        let sent = sentence.and_then(|sentence| sentence.sent.clone());
        let refusal = Refusal::of(details).unwrap_or_default();
        self.known.failure(&refusal, &sent.unwrap_or_default())
    }

    fn error(&mut self, event: &Value) {
        let error = &event["error"];
        let (code, kind) = (text_of(&error["code"]), text_of(&error["type"]));
        if code == "response_cancel_not_active" {
            return;
        }
        if code == "session_expired" || kind == "session_expired" {
            return self.close(None);
        }
        let cause = [&error["event_id"], &event["event_id"]].map(text_of);
        let of_ours = |prefix: &str| cause.iter().find_map(|id| id.strip_prefix(prefix));
        if of_ours("cancel_").is_some() {
            return;
        }
        if cause.contains(&"session") || (!self.is_set && of_ours("say_").is_none()) {
            let sent = self.manner.settings(&self.known.dialect());
            let refusal = Refusal::of(event).unwrap_or_default();
            let learned = self.known.learn(&refusal, &optional(&sent), &[]);
            let error = self.known.failure(&refusal, &sent);
            // Another socket's settings will omit the field.
            return self.close((!learned).then_some(error));
        }
        let named = of_ours("say_").and_then(|number| number.parse().ok());
        let asked = |sentence: &Sentence| sentence.sent.is_some() && sentence.response.is_none();
        let first = self.sentences.iter().find(|(_, sentence)| asked(sentence));
        let first = first.map(|(number, _)| *number);
        let number = named.or(first.filter(|_| kind == "invalid_request_error"));
        let Some(number) = number else {
            tracing::debug!(
                host = self.known.host,
                code,
                kind,
                "an error of no sentence"
            );
            return;
        };
        let Some(sentence) = self.sentences.get_mut(&number) else {
            return;
        };
        let sent = sentence.sent.take().unwrap_or_default();
        let refusal = Refusal::of(event).unwrap_or_default();
        let one_by_one = code == "conversation_already_has_active_response";
        self.one_by_one |= one_by_one;
        if one_by_one || self.known.learn(&refusal, &optional(&sent), &[]) {
            if !self.waiting.contains(&number) {
                self.waiting.push_front(number);
            }
            self.ask_on();
        } else {
            let error = self.known.failure(&refusal, &sent);
            self.end(number, Err(error));
        }
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
