//! `/v1/realtime?model=…`, a WebSocket: a model that reads aloud what it is asked to.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::audio::{samples, tone_hz};
use super::{Running, Shared};

/// How a sentence is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// Word for word.
    Well,
    /// A preamble as an item of its own (phase "commentary"), then the sentence.
    SecondItem,
    /// In two items; the second half is sent before the first is done.
    TwoHalves,
    /// These words in its place, spoken to the end.
    Reworded(&'static str),
    /// "I'm sorry, but I can't assist with that."
    Refuses,
    /// Answers the sentence as a question.
    Answers,
    /// Word for word, without a transcript.
    WithoutWords,
    /// The event names of the preview, without `output_`, and no metadata.
    OldNames,
    /// Ignores cancellation: answers that there is nothing to cancel, and goes on.
    LateCancel,
    /// The session is over: an error, and the socket closes with 1001.
    SessionExpired,
    /// The socket closes after this many pieces.
    Dies(usize),
    /// `failed`, with a server error.
    Fails,
    /// `incomplete` after half of it, for this reason.
    Incomplete(&'static str),
    /// An `error` event that names the request.
    Error(&'static str),
    /// An error: another response is active.
    Busy,
    /// Nothing at all, for ever.
    Silent,
    /// Begins after this delay.
    Slow(Duration),
    /// `response.created` comes after this delay.
    LateId(Duration),
}

/// Milliseconds of audio per piece, and per character.
const PIECE: usize = 100;
const CHARACTER: usize = 60;

/// Serves until the client disconnects.
pub(super) async fn serve(mut socket: WebSocket, shared: Shared, mut running: Running) {
    let (events, mut outbox) = mpsc::channel::<Value>(256);
    let mut session = Session {
        shared: shared.clone(),
        events,
        voice: String::new(),
        has_spoken: false,
        responses: 0,
        reading: Vec::new(),
    };
    session.tell(json!({ "type": "session.created", "session": { "type": "realtime" } }));
    loop {
        tokio::select! {
            event = outbox.recv() => {
                let Some(event) = event else { break };
                if event["type"] == "close" {
                    let code = event["code"].as_u64().unwrap_or(1006) as u16;
                    if code == 1001 {
                        let close = CloseFrame { code, reason: "session expired".into() };
                        socket.send(Message::Close(Some(close))).await.ok();
                    }
                    break;
                }
                if socket.send(Message::text(event.to_string())).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => {
                let Some(Ok(message)) = message else { break };
                let Message::Text(text) = message else { continue };
                let Ok(event) = serde_json::from_str::<Value>(&text) else { break };
                running.note(event.clone());
                session.event(&event);
            }
        }
    }
    running.finish();
}

struct Session {
    shared: Shared,
    events: mpsc::Sender<Value>,
    voice: String,
    has_spoken: bool,
    responses: usize,
    reading: Vec<(String, bool, tokio::task::JoinHandle<()>)>,
}

impl Drop for Session {
    fn drop(&mut self) {
        for (_, _, task) in &self.reading {
            task.abort();
        }
    }
}

impl Session {
    fn tell(&self, event: Value) {
        self.events.try_send(event).ok();
    }

    fn error(&self, kind: &str, code: &str, cause: &Value) {
        self.tell(json!({ "type": "error", "event_id": "event_1", "error": {
            "type": kind, "code": code, "message": "It cannot be done.", "param": null,
            "event_id": cause["event_id"],
        } }));
    }

    fn event(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "session.update" => self.update(event),
            "response.create" => self.create(event),
            "response.cancel" => self.cancel(event),
            _ => self.error("invalid_request_error", "unknown_event", event),
        }
    }

    fn update(&mut self, event: &Value) {
        let refused = self.shared.state().realtime_refuses;
        if let Some(field) = refused.filter(|field| !event["session"][*field].is_null()) {
            self.tell(json!({ "type": "error", "error": {
                "type": "invalid_request_error", "code": "unknown_parameter",
                "message": "Unknown parameter.", "param": format!("session.{field}"),
                "event_id": event["event_id"],
            } }));
            return;
        }
        let voice = &event["session"]["audio"]["output"]["voice"];
        let voice = voice.as_str().or(voice["id"].as_str()).unwrap_or("alloy");
        if self.has_spoken && voice != self.voice {
            return self.error("invalid_request_error", "cannot_update_voice", event);
        }
        voice.clone_into(&mut self.voice);
        self.tell(json!({ "type": "session.updated", "session": event["session"] }));
    }

    fn cancel(&mut self, event: &Value) {
        let id = event["response_id"].as_str().unwrap_or_default();
        let place = self
            .reading
            .iter()
            .position(|(other, _, task)| other == id && !task.is_finished());
        let Some(place) = place else {
            return self.error("invalid_request_error", "response_cancel_not_active", event);
        };
        let (_, is_late, _) = &self.reading[place];
        if *is_late {
            return self.error("invalid_request_error", "response_cancel_not_active", event);
        }
        let (id, _, task) = self.reading.remove(place);
        task.abort();
        let response = json!({ "id": id, "status": "cancelled",
                               "status_details": { "reason": "client_cancelled" } });
        self.tell(json!({ "type": "response.done", "response": response }));
    }

    fn create(&mut self, event: &Value) {
        let (reads, timing) = {
            let mut state = self.shared.state();
            (state.reads.take(), state.timing)
        };
        match &reads {
            Reads::SessionExpired => {
                self.error("invalid_request_error", "session_expired", &Value::Null);
                return self.tell(json!({ "type": "close", "code": 1001 }));
            }
            Reads::Error(code) => return self.error("invalid_request_error", code, event),
            Reads::Busy => {
                let code = "conversation_already_has_active_response";
                return self.error("invalid_request_error", code, event);
            }
            Reads::Silent => return,
            _ => {}
        }
        self.has_spoken = true;
        self.responses += 1;
        let id = format!("resp_{}", self.responses);
        let text = event["response"]["input"][0]["content"][0]["text"].as_str();
        let reader = Reader {
            events: self.events.clone(),
            id: id.clone(),
            metadata: event["response"]["metadata"].clone(),
            hz: tone_hz(&self.voice),
            text: text.unwrap_or_default().to_owned(),
            pace: timing.audio_chunk * (PIECE / 20) as u32,
            old: reads == Reads::OldNames,
        };
        let is_late = reads == Reads::LateCancel;
        let first = timing.first_audio;
        let task = tokio::spawn(reader.read(reads, first));
        self.reading.push((id, is_late, task));
    }
}

struct Reader {
    events: mpsc::Sender<Value>,
    id: String,
    metadata: Value,
    hz: f64,
    text: String,
    pace: Duration,
    old: bool,
}

impl Reader {
    async fn tell(&self, mut event: Value) {
        if self.old {
            let kind = event["type"].as_str().unwrap_or_default();
            event["type"] = kind.replace("output_audio", "audio").into();
        }
        self.events.send(event).await.ok();
    }

    async fn read(self, reads: Reads, first: Duration) {
        if let Reads::LateId(late) = &reads {
            tokio::time::sleep(*late).await;
        }
        let metadata = if self.old {
            Value::Null
        } else {
            self.metadata.clone()
        };
        let created = json!({ "id": self.id, "metadata": metadata, "status": "in_progress" });
        self.tell(json!({ "type": "response.created", "response": created }))
            .await;
        let wait = match &reads {
            Reads::Slow(late) => first + *late,
            _ => first,
        };
        tokio::time::sleep(wait).await;
        let text = self.text.clone();
        let middle = text.chars().count() / 2;
        let half: String = text.chars().take(middle).collect();
        let other: String = text.chars().skip(middle).collect();
        let (mut status, mut details) = ("completed", Value::Null);
        match reads {
            Reads::SecondItem => {
                self.item(
                    0,
                    "commentary",
                    "Let me read that for you.",
                    usize::MAX,
                    true,
                )
                .await;
                self.item(1, "final_answer", &text, usize::MAX, true).await;
            }
            Reads::TwoHalves => {
                self.begin(0, "commentary").await;
                self.say(1, &other, usize::MAX, true).await;
                self.say(0, &half, usize::MAX, true).await;
                self.end(0, &half, true).await;
                self.end(1, &other, true).await;
            }
            Reads::Reworded(words) => self.item(0, "final_answer", words, usize::MAX, true).await,
            Reads::Refuses => {
                let words = "I'm sorry, but I can't assist with that.";
                self.item(0, "final_answer", words, usize::MAX, true).await;
            }
            Reads::Answers => {
                let words = "Yes, of course! What would you like to know about our menu today?";
                self.item(0, "final_answer", words, usize::MAX, true).await;
            }
            Reads::WithoutWords => self.item(0, "final_answer", &text, usize::MAX, false).await,
            Reads::Dies(pieces) => {
                self.begin(0, "final_answer").await;
                self.say(0, &text, pieces, true).await;
                return self.tell(json!({ "type": "close", "code": 1006 })).await;
            }
            Reads::Fails => {
                status = "failed";
                details = json!({ "type": "failed", "error": { "type": "server_error",
                    "code": "server_error", "message": "It broke." } });
            }
            Reads::Incomplete(reason) => {
                self.begin(0, "final_answer").await;
                self.say(0, &half, usize::MAX, true).await;
                status = "incomplete";
                details = json!({ "type": "incomplete", "reason": reason });
            }
            _ => self.item(0, "final_answer", &text, usize::MAX, true).await,
        }
        let done = json!({ "id": self.id, "status": status, "status_details": details,
                           "metadata": self.metadata,
                           "usage": { "input_tokens": 90, "output_tokens": 60 } });
        self.tell(json!({ "type": "response.done", "response": done }))
            .await;
    }

    async fn item(&self, index: usize, phase: &str, text: &str, pieces: usize, words: bool) {
        self.begin(index, phase).await;
        self.say(index, text, pieces, words).await;
        self.end(index, text, words).await;
    }

    fn event(&self, kind: &str, index: usize) -> Value {
        json!({ "type": kind, "response_id": self.id, "item_id": format!("{}_{index}", self.id),
                "output_index": index, "content_index": 0 })
    }

    async fn begin(&self, index: usize, phase: &str) {
        let mut added = self.event("response.output_item.added", index);
        added["item"] = json!({ "type": "message", "role": "assistant", "phase": phase });
        self.tell(added).await;
        self.tell(self.event("response.content_part.added", index))
            .await;
    }

    /// Words run ahead of the audio, as they do at OpenAI.
    async fn say(&self, index: usize, text: &str, pieces: usize, words: bool) {
        let length = Duration::from_millis((CHARACTER * text.chars().count()) as u64);
        let sound = samples(self.hz, length, 24_000);
        let mut words = text.split_inclusive(' ').filter(|_| words);
        for piece in sound.chunks(24 * PIECE).take(pieces) {
            for word in words.by_ref().take(2) {
                let mut delta = self.event("response.output_audio_transcript.delta", index);
                delta["delta"] = word.into();
                self.tell(delta).await;
            }
            let bytes: Vec<u8> = piece.iter().flat_map(|s| s.to_le_bytes()).collect();
            let mut delta = self.event("response.output_audio.delta", index);
            delta["delta"] = BASE64_STANDARD.encode(bytes).into();
            self.tell(delta).await;
            tokio::time::sleep(self.pace).await;
        }
    }

    async fn end(&self, index: usize, text: &str, words: bool) {
        self.tell(self.event("response.output_audio.done", index))
            .await;
        if words {
            let mut done = self.event("response.output_audio_transcript.done", index);
            done["transcript"] = text.into();
            self.tell(done).await;
        }
        self.tell(self.event("response.content_part.done", index))
            .await;
        self.tell(self.event("response.output_item.done", index))
            .await;
    }
}
