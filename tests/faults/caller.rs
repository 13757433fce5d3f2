//! A caller in a real room: joins as a browser does, plays its questions, hears everybody.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use livekit::prelude::*;
use serde_json::{Value, json};
use sidetone::caller::heard::{FRAME, Span};
use sidetone::room::voice::{VoiceTrack, hear};
use sidetone::room::{close, join};
use sidetone_base::audio::{Pcm, wav};
use sidetone_base::clock;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::ears::{Ears, Voice};
use super::record::Memory;
use super::script::{Action, Script};
use super::stage::API_KEY;
use super::tones::{SUBJECTS, marked};

/// The start of the test: callers, faults and records are compared on one clock.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    pub at: Instant,
    pub wall: DateTime<Utc>,
}

impl Start {
    pub fn now() -> Self {
        Self {
            at: clock::now(),
            wall: clock::wall().into(),
        }
    }

    pub fn elapsed(self) -> Duration {
        clock::now() - self.at
    }
}

/// What all callers share.
#[derive(Clone)]
pub struct Line {
    pub start: Start,
    pub planes: Vec<SocketAddr>,
    /// The audio of every question.
    pub questions: Arc<[Pcm<48_000>]>,
    /// The folder for records of what went wrong.
    pub logs: Arc<Path>,
    /// Becomes true when the faults are over.
    pub finish: watch::Receiver<bool>,
}

/// The outcome of a call.
pub struct Placed {
    /// The call's id in the history.
    pub call: String,
    pub memory: Memory,
    /// Why the room ended, if the caller did not hang up.
    pub thrown_out: Option<String>,
}

/// A recorded question, once for each subject, without the silence at its ends.
pub fn questions() -> Arc<[Pcm<48_000>]> {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/audio/caller-opening-hours.wav"
    );
    let sound: Pcm<48_000> = wav::read(Path::new(file)).unwrap();
    // It begins with a "Hello!" and a pause, which would form a separate turn.
    let rest = &sound.samples()[Pcm::<48_000>::samples_in(Duration::from_millis(500))..];
    let loud = |sample: &i16| sample.unsigned_abs() > 600;
    let first = rest.iter().position(loud).unwrap();
    let last = rest.iter().rposition(loud).unwrap();
    let voice = Pcm::new(rest[first..last].to_vec());
    (0..SUBJECTS.len()).map(|n| marked(&voice, n)).collect()
}

/// Requests a token from one control plane after the other, like a page behind a load balancer.
async fn token(line: &Line, number: usize) -> Value {
    let body = json!({ "roomType": "support", "userId": format!("caller-{number}") });
    let client = reqwest::Client::new();
    for attempt in 0..20 {
        let plane = line.planes[(number + attempt) % line.planes.len()];
        let request = client
            .post(format!("http://{plane}/api/voice/token"))
            .bearer_auth(API_KEY)
            .json(&body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => return answer.json().await.unwrap(),
            Ok(answer) => eprintln!("no token: {}", answer.text().await.unwrap_or_default()),
            Err(error) => eprintln!("no token: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("no control plane gives tokens");
}

/// Calls, and asks questions until one is answered after the faults, or gives up. `answered` is the progress.
pub async fn call(mut line: Line, number: usize, answered: Arc<AtomicUsize>) -> Placed {
    let granted = token(&line, number).await;
    let text = |key: &str| granted[key].as_str().unwrap();
    let (room, mut events) = join(text("livekitHost"), text("token"), true)
        .await
        .unwrap();
    let track = VoiceTrack::publish(&room, "microphone").await.unwrap();
    let (microphone, mut frames) = mpsc::channel::<Pcm<48_000>>(2);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(frame) = frames.recv().await {
            track.play(&frame).await;
        }
    });
    let (tell, mut sounds) = mpsc::channel(4_096);
    let joined = line.start.elapsed();
    let mut ears = Ears::default();
    let mut script = Script::new(joined);
    let mut saying: Option<Saying> = None;
    let thrown_out = loop {
        tokio::select! {
            permit = microphone.reserve() => {
                let Ok(permit) = permit else { break Some("the microphone is gone".to_owned()) };
                let now = line.start.elapsed();
                if saying.is_none() {
                    match script.tick(now, &ears) {
                        Action::Wait => {}
                        Action::Ask(n) => saying = Some(Saying { n, position: 0, since: now }),
                        Action::HangUp => break None,
                    }
                    answered.store(script.answered(), Ordering::Relaxed);
                }
                let frame = saying.as_mut().map(|saying| saying.next(&line.questions));
                if let (Some(said), Some(None)) = (&saying, &frame) {
                    script.said(Span { start: said.since, end: now });
                    saying = None;
                }
                permit.send(frame.flatten().unwrap_or_else(|| Pcm::silence(FRAME)));
            }
            sound = sounds.recv() => {
                let Some((voice, at, frame)): Option<(Voice, Instant, Pcm<48_000>)> = sound else { continue };
                ears.push(&voice, at - line.start.at, frame.samples());
            }
            event = events.recv() => match event {
                Some(RoomEvent::TrackSubscribed { track: RemoteTrack::Audio(track), participant, .. }) => {
                    let voice = Voice {
                        identity: participant.identity().to_string(),
                        track: track.sid().to_string(),
                    };
                    let tell = tell.clone();
                    tasks.spawn(async move {
                        let deliver = |frame| tell.try_send((voice.clone(), clock::now(), frame));
                        hear::<48_000, _>(track, deliver).await;
                    });
                }
                Some(RoomEvent::Disconnected { reason }) => break Some(format!("{reason:?}")),
                Some(_) => {}
                None => break Some("the room is gone".to_owned()),
            },
            Ok(()) = line.finish.changed() => script.finish(line.start.elapsed()),
        }
    };
    let left = line.start.elapsed();
    let identity = room.local_participant().identity().to_string();
    close(&room).await;
    tasks.shutdown().await;
    Placed {
        call: text("callId").to_owned(),
        memory: Memory {
            identity,
            began: line.start.wall,
            stay: Span {
                start: joined,
                end: left,
            },
            ears,
            script,
        },
        thrown_out,
    }
}

/// A question that is being spoken.
struct Saying {
    n: usize,
    position: usize,
    since: Duration,
}

impl Saying {
    /// Its next 10 ms; `None` at its end.
    fn next(&mut self, questions: &[Pcm<48_000>]) -> Option<Pcm<48_000>> {
        let samples = questions[self.n].samples();
        let from = self.position;
        self.position = (from + Pcm::<48_000>::FRAME).min(samples.len());
        let mut frame = samples[from..self.position].to_vec();
        if frame.is_empty() {
            return None;
        }
        frame.resize(Pcm::<48_000>::FRAME, 0);
        Some(Pcm::new(frame))
    }
}
