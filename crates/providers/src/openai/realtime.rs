//! Speech to text while the caller speaks: OpenAI's realtime protocol over a WebSocket
//! (`/realtime?intent=transcription`, platform.openai.com/docs/guides/realtime-transcription).
//!
//! The audio of a turn is sent as it arrives; at each pause only its last moments are still on the way. Our own VAD
//! detects pauses, so the server's is off. One task owns the socket; if anything goes wrong, the words of this turn
//! fail, and the requester still has the audio to ask elsewhere. An error that the server reports is mostly about one
//! event: the socket stays open.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::dialect::Dialect;
use super::http::Provider;
use super::refusal::Refusal;
use super::socket::Socket;
use super::spoken::spoken;
use sidetone_base::audio::{Pcm, Resampler};

/// Frames of 10 ms queued for the socket, about 5 s; beyond that the turn is transcribed elsewhere.
const QUEUE: usize = 512;
/// The protocol refuses to transcribe less: 100 ms at 24 kHz.
const LEAST: usize = 2_400;
/// Ids of our events: an error names the event that it is about.
const UPDATE: &str = "session";
const COMMIT: &str = "commit";
/// Errors after which a socket is useless.
const FATAL: [&str; 5] = [
    "session_expired",
    "invalid_api_key",
    "insufficient_quota",
    "invalid_model",
    "model_not_found",
];

/// A caller's speech on its way to the provider. Dropping it closes the socket.
#[derive(Debug)]
pub struct Hearing {
    commands: mpsc::Sender<Command>,
    /// A frame did not fit: the words of this turn would have a gap.
    lost: bool,
    patience: Duration,
}

#[derive(Debug)]
enum Command {
    Audio(Pcm<16_000>),
    Words(Asked),
    Forget,
}

/// A waiting request for a turn's words.
#[derive(Debug)]
struct Asked {
    words: oneshot::Sender<Option<String>>,
    so_far: watch::Sender<String>,
}

impl Hearing {
    /// Opens a socket in the background. Words that take longer than `patience` fail; `fields` configure the session's
    /// transcription.
    pub(super) fn open(provider: Provider, fields: Value, patience: Duration) -> Self {
        let (commands, inbox) = mpsc::channel(QUEUE);
        let dialect = provider.dialect();
        let session = Session {
            provider,
            fields,
            dialect,
            rephrased: false,
            socket: None,
            items: Vec::new(),
            stale: 0,
            asked: None,
            failed: false,
            resampler: Resampler::new(),
            uncommitted: 0,
        };
        tokio::spawn(session.run(inbox));
        Self {
            commands,
            lost: false,
            patience,
        }
    }

    /// More of the turn's audio.
    pub fn push(&mut self, audio: Pcm<16_000>) {
        self.lost |= self.commands.try_send(Command::Audio(audio)).is_err();
    }

    /// The words of all audio since [`Hearing::forget`]. `None` if they cannot be had. Providers that transcribe piece
    /// by piece show the pieces in `so_far` first.
    pub fn words(
        &self,
        so_far: watch::Sender<String>,
    ) -> impl Future<Output = Option<String>> + Send + use<> {
        let (reply, words) = oneshot::channel();
        let asked = Asked {
            words: reply,
            so_far,
        };
        let asked = !self.lost && self.commands.try_send(Command::Words(asked)).is_ok();
        let patience = self.patience;
        async move {
            if !asked {
                return None;
            }
            timeout(patience, words).await.ok()?.ok()?
        }
    }

    /// The next audio belongs to another turn.
    pub fn forget(&mut self) {
        self.lost = self.commands.try_send(Command::Forget).is_err();
    }
}

/// A stretch of audio committed for transcription.
#[derive(Default)]
struct Item {
    id: Option<String>,
    /// The words received so far.
    begun: String,
    /// All of them.
    text: Option<String>,
}

struct Session {
    provider: Provider,
    /// How the session is to transcribe.
    fields: Value,
    /// What the provider accepts of `fields`.
    dialect: Dialect,
    /// Fields were left out, and the session has not been accepted yet.
    rephrased: bool,
    socket: Option<Socket>,
    /// Those of this turn, in order.
    items: Vec<Item>,
    /// Stretches of earlier turns whose id has not arrived yet.
    stale: usize,
    asked: Option<Asked>,
    /// This socket cannot provide the words of this turn.
    failed: bool,
    resampler: Resampler<16_000, 24_000>,
    /// Samples since the last commit.
    uncommitted: usize,
}

impl Session {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        self.connect().await;
        loop {
            let event = async {
                match &mut self.socket {
                    Some(socket) => socket.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                event = event => match event {
                    Some(text) => self.event(&text).await,
                    // Some servers end a socket over which nothing comes: the next words open another.
                    None if self.is_fresh() => self.socket = None,
                    None => self.fail("closed the socket"),
                },
                command = inbox.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => break,
                },
            }
        }
        if let Some(socket) = self.socket {
            socket.close().await;
        }
    }

    async fn connect(&mut self) {
        (self.stale, self.uncommitted) = (0, 0);
        match Socket::open(&self.provider, "/realtime?intent=transcription").await {
            Ok(socket) => self.socket = Some(socket),
            Err(_) => return self.fail("does not open a socket for realtime transcription"),
        }
        self.update().await;
    }

    /// Opens another socket in place of one that ended between two turns.
    async fn reconnect(&mut self) {
        if self.socket.is_none() && !self.failed {
            self.connect().await;
        }
    }

    /// Sends the session's settings.
    async fn update(&mut self) {
        let mut transcription = self.fields.clone();
        self.dialect.apply(&mut transcription, &["model"]);
        let input = json!({
            "format": { "type": "audio/pcm", "rate": 24_000 },
            "transcription": transcription,
            "turn_detection": null,
        });
        let session = json!({ "type": "transcription", "audio": { "input": input } });
        let update = json!({ "type": "session.update", "event_id": UPDATE, "session": session });
        self.send(update).await;
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Audio(_) if self.failed => {}
            Command::Audio(audio) => {
                self.reconnect().await;
                let audio = self.resampler.push(&audio);
                self.append(&audio).await;
            }
            Command::Words(asked) => {
                self.reconnect().await;
                if self.failed {
                    asked.words.send(None).ok();
                    return;
                }
                self.asked = Some(asked);
                let mut rest = std::mem::take(&mut self.resampler).flush();
                let missing = LEAST.saturating_sub(self.uncommitted + rest.len());
                rest.append(&Pcm::new(vec![0; missing]));
                self.append(&rest).await;
                self.uncommitted = 0;
                self.items.push(Item::default());
                let commit = json!({ "type": "input_audio_buffer.commit", "event_id": COMMIT });
                self.send(commit).await;
            }
            Command::Forget => {
                self.stale += self.items.iter().filter(|item| item.id.is_none()).count();
                self.items.clear();
                if self.uncommitted > 0 {
                    // Nobody asks for the words of what was said last.
                    self.uncommitted = 0;
                    self.resampler = Resampler::new();
                    let clear = json!({ "type": "input_audio_buffer.clear" });
                    self.send(clear).await;
                }
                // The requester has given up waiting: the provider may never answer.
                if self
                    .asked
                    .take()
                    .is_some_and(|asked| asked.words.is_closed())
                {
                    self.socket = None;
                }
                self.failed = false;
                if self.socket.is_none() {
                    self.connect().await;
                }
            }
        }
    }

    /// Nothing of this turn has been sent.
    fn is_fresh(&self) -> bool {
        !self.failed && self.uncommitted == 0 && self.items.is_empty() && self.asked.is_none()
    }

    async fn append(&mut self, audio: &Pcm<24_000>) {
        self.uncommitted += audio.len();
        let audio = BASE64_STANDARD.encode(audio.to_le_bytes());
        self.send(json!({ "type": "input_audio_buffer.append", "audio": audio }))
            .await;
    }

    async fn send(&mut self, event: Value) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        if !socket.send(&event).await {
            self.fail("accepts no more audio");
        }
    }

    async fn event(&mut self, text: &str) {
        // Of events that are not known here, the fields may be of any type.
        let Ok(event) = serde_json::from_str::<Value>(text) else {
            return self.fail("sent an event that is not JSON");
        };
        let text_of = |field: &str| event[field].as_str().map(str::to_owned);
        let item_id = text_of("item_id");
        match event["type"].as_str().unwrap_or_default() {
            "input_audio_buffer.committed" => {
                if self.stale > 0 {
                    self.stale -= 1;
                } else if let Some(item) = self.items.iter_mut().find(|item| item.id.is_none()) {
                    item.id = item_id;
                }
            }
            "conversation.item.input_audio_transcription.delta" => {
                let known = self.items.iter_mut().find(|item| item.id == item_id);
                if let Some(item) = known.filter(|_| item_id.is_some()) {
                    item.begun += &text_of("delta").unwrap_or_default();
                    self.show();
                }
            }
            "conversation.item.input_audio_transcription.completed" => {
                // Items of earlier turns are unknown here.
                let known = self.items.iter_mut().find(|item| item.id == item_id);
                if let Some(item) = known.filter(|_| item_id.is_some()) {
                    item.text = Some(spoken(&text_of("transcript").unwrap_or_default()));
                    self.answer();
                }
            }
            "conversation.item.input_audio_transcription.failed"
                if self.items.iter().any(|item| item.id == item_id) =>
            {
                self.fail("could not transcribe");
            }
            "session.updated" | "transcription_session.updated" if self.rephrased => {
                self.rephrased = false;
                self.provider.learned(&self.dialect);
            }
            "error" => self.error(text).await,
            _ => {}
        }
    }

    /// Most errors are about one of our events, and change nothing else.
    async fn error(&mut self, text: &str) {
        let event: Value = serde_json::from_str(text).unwrap_or_default();
        let refusal = Refusal::of(&event).unwrap_or_default();
        let error = self.provider.within_answer(&refusal, &self.fields);
        let about = event["error"]["event_id"].as_str().unwrap_or_default();
        let code = refusal.code.as_deref().unwrap_or_default();
        if about == UPDATE && !FATAL.contains(&code) {
            // Here, paths begin at the whole session.
            let paths = refusal
                .paths
                .iter()
                .filter_map(|path| path.rsplit('.').next());
            let refusal = Refusal {
                paths: paths.map(str::to_owned).collect(),
                ..refusal.clone()
            };
            let mut sent = self.fields.clone();
            self.dialect.apply(&mut sent, &["model"]);
            if self.dialect.learn_named(&refusal, &sent, &["model"]) {
                self.rephrased = true;
                return self.update().await;
            }
        }
        if code == "session_expired" && self.is_fresh() {
            self.socket = None;
            return;
        }
        // The words of a refused commit never arrive, and its audio stays in the server's buffer.
        if matches!(about, UPDATE | COMMIT) || FATAL.contains(&code) {
            return self.fail(&error.to_string());
        }
        tracing::warn!(%error, "realtime transcription goes on");
    }

    /// The words of all stretches, as far as they have arrived.
    fn words(&self) -> String {
        let items = self.items.iter();
        let texts = items.map(|item| item.text.as_ref().unwrap_or(&item.begun).trim());
        let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
        texts.join(" ")
    }

    /// Shows the requester what has arrived.
    fn show(&self) {
        if let Some(asked) = &self.asked {
            asked.so_far.send_replace(self.words());
        }
    }

    /// Answers the requester once all stretches have their words.
    fn answer(&mut self) {
        if self.items.iter().all(|item| item.text.is_some())
            && let Some(asked) = self.asked.take()
        {
            asked.words.send(Some(self.words())).ok();
        }
    }

    /// The words of this turn come from elsewhere; the next turn gets a new socket.
    fn fail(&mut self, what: &str) {
        let host = &self.provider.host;
        tracing::warn!(%host, "realtime transcription {what}; the batch endpoint is used instead");
        self.failed = true;
        self.socket = None;
        if let Some(asked) = self.asked.take() {
            asked.words.send(None).ok();
        }
    }
}

#[cfg(test)]
mod tests;
