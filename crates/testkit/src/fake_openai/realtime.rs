//! `/v1/realtime`, a WebSocket: with `?intent=transcription` it transcribes, with a model it speaks.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Endpoint, Failure, Running, Shared, Strict, realtime_speech};

pub(super) async fn realtime(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let hears = query.unwrap_or_default().contains("intent=transcription");
    let endpoint = if hears {
        Endpoint::Realtime
    } else {
        Endpoint::RealtimeSpeech
    };
    let begun = shared.begin(endpoint, &headers, json!([]), Bytes::new());
    let (running, failure) = match begun.await {
        Ok(begun) => begun,
        Err(response) => return response,
    };
    if hears {
        upgrade.on_upgrade(move |socket| serve(socket, shared, running, failure))
    } else {
        upgrade.on_upgrade(move |socket| realtime_speech::serve(socket, shared, running))
    }
}

/// Each committed stretch becomes the next transcript: word by word at once, and whole after the delay of
/// transcriptions. `CutAfter(n)` and `StallAfter(n)` count stretches.
async fn serve(
    mut socket: WebSocket,
    shared: Shared,
    mut running: Running,
    failure: Option<Failure>,
) {
    let mut stretches = 0;
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else {
            continue;
        };
        let Ok(event) = serde_json::from_str::<Value>(&text) else {
            break;
        };
        let is_commit = event["type"] == "input_audio_buffer.commit";
        if event["type"] == "session.update" {
            let answer = shared.session(&event);
            if socket
                .send(Message::text(answer.to_string()))
                .await
                .is_err()
            {
                return;
            }
        }
        running.note(event);
        if !is_commit {
            continue;
        }
        let troubles = std::mem::take(&mut shared.state().troubles);
        for error in troubles {
            let error = json!({ "type": "error", "error": error });
            if socket.send(Message::text(error.to_string())).await.is_err() {
                return;
            }
        }
        match failure {
            Some(Failure::CutAfter(n)) if stretches >= n => break,
            Some(Failure::StallAfter(n)) if stretches >= n => continue,
            _ => {}
        }
        stretches += 1;
        let (transcript, timing) = {
            let mut state = shared.state();
            (state.transcripts.take(), state.timing)
        };
        let id = format!("item_{stretches}");
        let completed = "conversation.item.input_audio_transcription.completed";
        let mut events = vec![json!({ "type": "input_audio_buffer.committed", "item_id": id })];
        let delta = "conversation.item.input_audio_transcription.delta";
        events.extend(transcript.text.split_inclusive(' ').map(
            |word| json!({ "type": delta, "item_id": id, "content_index": 0, "delta": word }),
        ));
        events.push(
            json!({ "type": completed, "item_id": id, "content_index": 0,
                            "transcript": transcript.text }),
        );
        for event in events {
            if event["type"] == completed {
                tokio::time::sleep(timing.transcription).await;
            }
            if socket.send(Message::text(event.to_string())).await.is_err() {
                return;
            }
        }
    }
    running.finish();
}

impl Shared {
    /// Accepts the session's transcription settings, unless a rule refuses one of the fields.
    fn session(&self, event: &Value) -> Value {
        let transcription = &event["session"]["audio"]["input"]["transcription"];
        let state = self.state();
        let refused = state.rules.iter().find_map(|(at, rule, _)| match rule {
            Strict::Field(name) if *at == Endpoint::Realtime => {
                transcription.get(name).map(|_| name)
            }
            _ => None,
        });
        let Some(name) = refused else {
            return json!({ "type": "session.updated", "session": event["session"] });
        };
        let param = format!("session.audio.input.transcription.{name}");
        json!({ "type": "error", "error": {
            "type": "invalid_request_error", "code": "unknown_parameter", "param": param,
            "message": format!("Unknown parameter: '{param}'."), "event_id": event["event_id"],
        } })
    }
}
