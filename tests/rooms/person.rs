//! A participant who does what a test needs, using LiveKit's own client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use livekit::options::TrackPublishOptions;
use livekit::prelude::*;
use livekit::webrtc::audio_frame::AudioFrame;
use livekit::webrtc::audio_source::native::NativeAudioSource;
use livekit::webrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use livekit::{SendTextOptions, StreamReader as _};
use livekit_api::access_token::{AccessToken, VideoGrants};
use sidetone_base::audio::Pcm;
use sidetone_testkit::LiveKitServer;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::calls::until;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Person {
    pub room: Room,
    /// The agent's words, by segment.
    words: Arc<Mutex<HashMap<String, String>>>,
    tasks: JoinSet<()>,
}

/// A person's track, on which it plays silence and the given audio.
pub struct Sounding {
    pub publication: LocalTrackPublication,
    frames: mpsc::Sender<Pcm<48_000>>,
}

/// A token for `room` and `identity`.
pub fn token(server: &LiveKitServer, room: &str, identity: &str) -> String {
    token_of(server, room, identity, "standard")
}

/// A token for a participant of this kind.
pub fn token_of(server: &LiveKitServer, room: &str, identity: &str, kind: &str) -> String {
    let grants = VideoGrants {
        room_join: true,
        room: room.to_owned(),
        ..VideoGrants::default()
    };
    AccessToken::with_api_key(&server.api_key, &server.api_secret)
        .with_identity(identity)
        .with_kind(kind)
        .with_grants(grants)
        .to_jwt()
        .unwrap()
}

impl Person {
    pub async fn join(url: &str, token: &str) -> Self {
        let (room, mut events) = Room::connect(url, token, RoomOptions::default())
            .await
            .unwrap();
        let words = Arc::<Mutex<HashMap<_, _>>>::default();
        let (own, heard) = (room.local_participant().identity(), Arc::clone(&words));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut readings = JoinSet::new();
            while let Some(event) = events.recv().await {
                if let RoomEvent::TextStreamOpened {
                    reader,
                    topic,
                    participant_identity,
                } = event
                    && topic == "lk.transcription"
                    && participant_identity != own
                    && let Some(mut reader) = reader.take()
                {
                    let heard = Arc::clone(&heard);
                    readings.spawn(async move {
                        let segment = reader.info().attributes()["lk.segment_id"].clone();
                        let mut text = String::new();
                        while let Some(Ok(piece)) = reader.next().await {
                            text.push_str(&piece);
                            heard.lock().unwrap().insert(segment.clone(), text.clone());
                        }
                    });
                }
            }
        });
        Self { room, words, tasks }
    }

    /// The words of all the agent's segments.
    pub fn words(&self) -> String {
        let words = self.words.lock().unwrap();
        words.values().cloned().collect::<Vec<_>>().join(" ")
    }

    pub async fn reads(&self, text: &str) {
        until(&format!("the words {text:?}"), || {
            self.words().contains(text).then_some(())
        })
        .await;
    }

    /// The agent with this person. None after the person was hung up on: LiveKit's client still lists it then.
    pub fn agent(&self) -> Option<RemoteParticipant> {
        if self.room.connection_state() == ConnectionState::Disconnected {
            return None;
        }
        let mut others = self.room.remote_participants().into_values();
        others.find(|other| other.kind() == livekit::participant::ParticipantKind::Agent)
    }

    /// Waits until others disconnect this person.
    pub async fn is_hung_up_on(&self) {
        until("a closed line", || {
            let state = self.room.connection_state();
            (state == ConnectionState::Disconnected).then_some(())
        })
        .await;
    }

    /// Waits until the agent has this state.
    pub async fn sees(&self, state: &str) -> RemoteParticipant {
        until(&format!("an agent that is {state}"), || {
            self.agent().filter(|agent| {
                agent.attributes().get("lk.agent.state").map(String::as_str) == Some(state)
            })
        })
        .await
    }

    pub async fn publish(&mut self, source: TrackSource, preconnect_buffer: bool) -> Sounding {
        let native = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 20);
        let track =
            LocalAudioTrack::create_audio_track("sound", RtcAudioSource::Native(native.clone()));
        let options = TrackPublishOptions {
            source,
            preconnect_buffer,
            ..TrackPublishOptions::default()
        };
        let participant = self.room.local_participant();
        let publishing = participant.publish_track(LocalTrack::Audio(track), options);
        let publication = tokio::time::timeout(PATIENCE, publishing)
            .await
            .unwrap()
            .unwrap();
        let (frames, mut to_play) = mpsc::channel::<Pcm<48_000>>(1);
        self.tasks.spawn(async move {
            loop {
                let frame = match to_play.try_recv() {
                    Ok(frame) => frame,
                    Err(mpsc::error::TryRecvError::Empty) => {
                        Pcm::silence(Duration::from_millis(10))
                    }
                    Err(mpsc::error::TryRecvError::Disconnected) => return,
                };
                let frame = AudioFrame {
                    data: frame.samples().into(),
                    sample_rate: 48_000,
                    num_channels: 1,
                    samples_per_channel: 480,
                };
                native.capture_frame(&frame).await.unwrap();
            }
        });
        Sounding {
            publication,
            frames,
        }
    }

    pub async fn writes(&self, text: &str) {
        let options = SendTextOptions::new_with_topic("lk.chat");
        self.room
            .local_participant()
            .send_text(text, options)
            .await
            .unwrap();
    }

    pub async fn leave(mut self) {
        self.room.close().await.ok();
        self.tasks.shutdown().await;
    }
}

impl Sounding {
    pub async fn say(&self, sound: &Pcm<48_000>) {
        for frame in sound.samples().chunks_exact(480) {
            self.frames.send(Pcm::new(frame.to_vec())).await.unwrap();
        }
    }
}
