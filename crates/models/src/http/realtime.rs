//! `GET /v1/realtime?intent=transcription`, a WebSocket (platform.openai.com/docs/guides/realtime-transcription).
//!
//! A client appends audio and commits each stretch of speech; the transcript arrives as one `delta` and a `completed`,
//! as with OpenAI's Whisper. There are no interim words: Whisper hears a stretch as a whole, which takes 0.4 s of a
//! core for a stretch of 3 s (`examples/measure`). Hearing it again every second would take almost half a core for
//! every caller in mid-speech.

mod session;

use std::time::Duration;

use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::response::Response;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use crate::stt::Transcript;
use crate::{Failure, Loaded};
use session::{Reply, Session, Stretch, event};

/// Maximum open sockets; each keeps up to 8 MB of audio.
static SOCKETS: Semaphore = Semaphore::const_new(32);
/// Stretches of one socket that may wait for transcription.
const WAITING: usize = 8;
/// Maximum size of an event: 120 s of audio in base64.
const LONGEST: usize = 8 << 20;
/// Maximum time for sending an event.
const WRITE: Duration = Duration::from_secs(5);
/// A silent client is pinged this often, and has as long to answer.
const ASK: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
pub(super) struct Wanted {
    intent: Option<String>,
}

pub(super) async fn open(
    State(models): State<Loaded>,
    Extension(shutdown): Extension<CancellationToken>,
    Query(wanted): Query<Wanted>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    if wanted.intent.as_deref() != Some("transcription") {
        let message =
            "this socket is for speech to text only: open /v1/realtime?intent=transcription";
        return Err(ApiError::invalid("intent", message));
    }
    let upgrade = upgrade?;
    let place = SOCKETS
        .try_acquire()
        .map_err(|_| ApiError::busy("too many realtime sessions are open"))?;
    let session = Session::new(models.stt_name()).map_err(|cause| {
        ApiError::from(Failure::Broken {
            engine: "stt",
            cause,
        })
    })?;
    Ok(upgrade
        .max_message_size(LONGEST)
        .max_frame_size(LONGEST)
        .on_upgrade(move |socket| serve(socket, session, models, shutdown, place)))
}

async fn serve(
    socket: WebSocket,
    mut session: Session,
    models: Loaded,
    shutdown: CancellationToken,
    _place: SemaphorePermit<'static>,
) {
    let mut client = Client(socket);
    let created = session.describe("session.created");
    let mut open = client.tell(created).await;
    let mut words = FuturesOrdered::new();
    let mut heard_of = Instant::now();
    let mut ask = tokio::time::interval_at(heard_of + ASK, ASK);
    while open {
        tokio::select! {
            () = shutdown.cancelled() => return client.leave("the server is shutting down").await,
            Some((item, words)) = words.next() => open = client.words(item, words).await,
            // A client that commits faster than the model transcribes is not read any further: TCP makes it wait.
            message = client.0.recv(), if words.len() < WAITING => {
                heard_of = Instant::now();
                let text = match message {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Binary(_))) => "".into(),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                };
                open = match session.take(&text, |language| models.stt.knows(language)) {
                    Ok(Reply::Nothing) => true,
                    Ok(Reply::Tell(event)) => client.tell(event).await,
                    Ok(Reply::Transcribe(committed, stretch)) => {
                        words.push_back(transcribe(&models, stretch));
                        client.tell(committed).await
                    }
                    Err(refused) => client.tell(refused.event()).await,
                };
            }
            _ = ask.tick() => {
                if words.is_empty() && heard_of.elapsed() > 2 * ASK {
                    return;
                }
                open = client.send(Message::Ping(Vec::new().into())).await;
            }
        }
    }
}

/// The words of a stretch, and its duration in seconds. Dropping the future stops the work.
async fn transcribe(models: &Loaded, stretch: Stretch) -> (String, Result<Transcript, Failure>) {
    let Stretch {
        item,
        samples,
        language,
    } = stretch;
    (
        item,
        models.stt.transcribe(samples, language.as_deref()).await,
    )
}

/// The client's end of the socket. Its methods return whether it is still there.
struct Client(WebSocket);

impl Client {
    async fn send(&mut self, message: Message) -> bool {
        matches!(timeout(WRITE, self.0.send(message)).await, Ok(Ok(())))
    }

    async fn tell(&mut self, event: Value) -> bool {
        self.send(Message::text(event.to_string())).await
    }

    async fn words(&mut self, item: String, words: Result<Transcript, Failure>) -> bool {
        const TRANSCRIPTION: &str = "conversation.item.input_audio_transcription";
        let Transcript { text, duration, .. } = match words {
            Ok(transcript) => transcript,
            Err(failure) => {
                let error = json!({ "type": "server_error", "message": failure.to_string() });
                return self
                    .tell(event(json!({
                        "type": format!("{TRANSCRIPTION}.failed"), "item_id": item,
                        "content_index": 0, "error": error,
                    })))
                    .await;
            }
        };
        let delta = event(json!({
            "type": format!("{TRANSCRIPTION}.delta"), "item_id": item, "content_index": 0,
            "delta": text,
        }));
        let completed = event(json!({
            "type": format!("{TRANSCRIPTION}.completed"), "item_id": item, "content_index": 0,
            "transcript": text, "usage": { "type": "duration", "seconds": duration },
        }));
        (text.is_empty() || self.tell(delta).await) && self.tell(completed).await
    }

    async fn leave(mut self, reason: &'static str) {
        let code = close_code::AWAY;
        let reason = reason.into();
        self.send(Message::Close(Some(CloseFrame { code, reason })))
            .await;
    }
}
