//! The scripted caller's end of a LiveKit room.

use std::time::{Duration, Instant};

use futures::StreamExt;
use livekit::e2ee::EncryptionType;
use livekit::prelude::*;
use livekit::{StreamReader, TextStreamReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::access::Granted;
use super::transcripts::Speaker;
use crate::room::voice::{VoiceTrack, hear};
use crate::room::{JoinError, KEY_PACE, close, dtmf, join};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_call::transport::Key;

/// A segment lasts as long as the agent speaks; a stream that stalls for longer than this was cut off.
const STALLED: Duration = Duration::from_secs(60);

/// What the caller learns from the room.
#[derive(Debug)]
pub enum Told {
    /// 10 ms of the agent's voice.
    Voice {
        /// When it came out of the jitter buffer.
        at: Instant,
        /// What was heard.
        frame: Pcm<48_000>,
    },
    /// The agent's state changed: whether it now waits for the caller.
    AgentListening(bool),
    /// Words of one side.
    Words {
        /// Whose words.
        speaker: Speaker,
        /// The segment's id.
        segment: String,
        /// The whole segment so far.
        text: String,
        /// Nothing more will come.
        done: bool,
    },
    /// Where the time of an answer went, as reported by the agent.
    Timing(serde_json::Value),
    /// The call ended from the other side.
    Closed(String),
}

/// Joined as a person: microphone published, agent heard.
pub struct CallerRoom {
    room: Room,
    /// Events of the room. A full channel slows the room's events down, never the voice.
    pub told: mpsc::Receiver<Told>,
    /// Frames to say; capacity 2, so sending is paced in real time.
    pub microphone: mpsc::Sender<Pcm<48_000>>,
    /// Telephone keys to press, one after the other. A full channel drops them: nobody presses that many.
    pub keys: mpsc::Sender<Key>,
    tasks: JoinSet<()>,
}

impl CallerRoom {
    /// Joins and publishes a silent microphone.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses the token.
    pub async fn join(granted: &Granted) -> Result<Self, JoinError> {
        let (room, events) = join(&granted.url, &granted.token, true).await?;
        let voice = VoiceTrack::publish(&room, "microphone").await?;
        let (microphone, mut frames) = mpsc::channel::<Pcm<48_000>>(2);
        let (tell, told) = mpsc::channel(256);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Some(frame) = frames.recv().await {
                voice.play(&frame).await;
            }
        });
        let (keys, pressed) = mpsc::channel(128);
        tasks.spawn(press(room.local_participant(), pressed));
        let own = room.local_participant().identity();
        tasks.spawn(watch(events, own, tell));
        Ok(Self {
            room,
            told,
            microphone,
            keys,
            tasks,
        })
    }

    /// Hangs up.
    pub async fn leave(mut self) {
        close(&self.room).await;
        self.tasks.shutdown().await;
    }
}

/// Presses the keys at a person's pace.
async fn press(participant: LocalParticipant, mut keys: mpsc::Receiver<Key>) {
    while let Some(key) = keys.recv().await {
        if let Err(error) = participant.publish_dtmf(dtmf(key)).await {
            tracing::warn!(%error, "a key could not be pressed");
        }
        tokio::time::sleep(KEY_PACE).await;
    }
}

/// Turns LiveKit's events into what the caller needs.
async fn watch(
    mut events: mpsc::UnboundedReceiver<RoomEvent>,
    own: ParticipantIdentity,
    tell: mpsc::Sender<Told>,
) {
    let mut tasks = JoinSet::new();
    while let Some(event) = events.recv().await {
        match event {
            RoomEvent::TrackSubscribed {
                track: RemoteTrack::Audio(track),
                publication,
                ..
            } if publication.source() != TrackSource::ScreenshareAudio => {
                if publication.encryption_type() != EncryptionType::None {
                    let reason = "what the agent says is end-to-end encrypted, and this caller has \
                                  no key";
                    let _ = tell.send(Told::Closed(reason.to_owned())).await;
                    break;
                }
                tasks.spawn(listen(track, tell.clone()));
            }
            RoomEvent::ParticipantAttributesChanged {
                participant,
                changed_attributes,
            } if participant.identity() != own => {
                if let Some(state) = changed_attributes.get("lk.agent.state") {
                    let listening = matches!(state.as_str(), "listening" | "idle");
                    let _ = tell.send(Told::AgentListening(listening)).await;
                }
            }
            RoomEvent::TextStreamOpened {
                reader,
                topic,
                participant_identity,
            } => {
                if topic == "lk.transcription"
                    && let Some(reader) = reader.take()
                {
                    let speaker = if participant_identity == own {
                        Speaker::Caller
                    } else {
                        Speaker::Agent
                    };
                    tasks.spawn(read_words(reader, speaker, tell.clone()));
                } else if topic == "sidetone.turn"
                    && let Some(reader) = reader.take()
                {
                    tasks.spawn(read_timing(reader, tell.clone()));
                }
            }
            RoomEvent::Disconnected { reason } => {
                let _ = tell.send(Told::Closed(format!("{reason:?}"))).await;
                break;
            }
            _ => {}
        }
    }
    tasks.shutdown().await;
}

async fn listen(track: RemoteAudioTrack, tell: mpsc::Sender<Told>) {
    hear::<48_000, _>(track, |frame| {
        tell.try_send(Told::Voice {
            at: clock::now(),
            frame,
        })
    })
    .await;
}

async fn read_timing(reader: TextStreamReader, tell: mpsc::Sender<Told>) {
    let text = tokio::time::timeout(STALLED, reader.read_all()).await;
    if let Ok(Ok(text)) = text
        && let Ok(figures) = serde_json::from_str(&text)
    {
        // Fails only when the call is over.
        let _ = tell.send(Told::Timing(figures)).await;
    }
}

async fn read_words(mut reader: TextStreamReader, speaker: Speaker, tell: mpsc::Sender<Told>) {
    let segment = |reader: &TextStreamReader| {
        let attributes = reader.info().attributes();
        let id = attributes.get("lk.segment_id").cloned();
        let done = attributes
            .get("lk.transcription_final")
            .is_some_and(|is| is == "true");
        (id.unwrap_or_else(|| reader.info().id.clone()), done)
    };
    let mut text = String::new();
    loop {
        let chunk = tokio::time::timeout(STALLED, reader.next()).await;
        let (ended, more) = match chunk {
            Ok(Some(Ok(chunk))) => (false, chunk),
            _ => (true, String::new()),
        };
        text.push_str(&more);
        // The trailer carries the final flag, so it is read again at the end.
        let (segment, done) = segment(&reader);
        let words = Told::Words {
            speaker,
            segment,
            text: text.clone(),
            done: done && ended,
        };
        if tell.send(words).await.is_err() || ended {
            break;
        }
    }
}
