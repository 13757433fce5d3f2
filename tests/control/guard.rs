//! Agents that disappear without notice: the guard works from the store and LiveKit, with or without webhooks, and
//! with any number of control planes.

use std::process::Stdio;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use livekit::participant::ParticipantKind;
use livekit::prelude::{ParticipantIdentity, RemoteTrack, Room, RoomEvent};
use livekit::webrtc::audio_stream::native::NativeAudioStream;
use serde_json::json;
use sidetone::agent::presence::introduce;
use sidetone::room::voice::VoiceTrack;
use sidetone::worker::Job;
use sidetone_base::clock;
use sidetone_base::supervise::Supervisor;
use sidetone_control_plane::control::guard::Wanted;
use sidetone_control_plane::control::reconcile::reconcile;
use sidetone_control_plane::control::{Control, ControlConfig};
use sidetone_control_plane::server_api::ServerApi;
use sidetone_store::DispatchMetadata;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::epochs::Agent;
use sidetone_store::workers::WorkerState;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Postgres, Timing};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use uuid::Uuid;

use super::{Worker, impatient, served};
use crate::rooms::binary::PROGRAM;
use crate::rooms::person::{self, Person};
use crate::support::api::{Api, LOGIN_SECRET, Setup, user};
use crate::support::{credentials, eventually, livekit};

/// A server that sends no webhooks, and two control planes on one store.
pub(super) struct Deaf {
    pub(super) server: LiveKitServer,
    pub(super) api: Api,
    shutdown: CancellationToken,
    tasks: Supervisor,
}

impl Deaf {
    async fn start() -> Self {
        Self::start_with(Setup::default().variables).await
    }

    pub(super) async fn start_with(variables: Vec<(&'static str, String)>) -> Self {
        Self::start_as(variables, impatient()).await
    }

    pub(super) async fn start_as(
        variables: Vec<(&'static str, String)>,
        control: ControlConfig,
    ) -> Self {
        let server = livekit(None).await;
        let setup = Setup {
            livekit: Ok(credentials(&server)),
            control: control.clone(),
            variables,
            ..Default::default()
        };
        let api = Api::start(setup).await;
        let shutdown = CancellationToken::new();
        let mut tasks = Supervisor::new(shutdown.clone());
        Control::start(
            api.store.clone(),
            &credentials(&server),
            control,
            &mut tasks,
        );
        Self {
            server,
            api,
            shutdown,
            tasks,
        }
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.ended().await;
        self.api.stop().await;
    }

    /// Joins as the agent of a job, like the product's agents.
    async fn agent(&self, job: &Job) -> Room {
        self.agent_of(job, None).await
    }

    /// Likewise, for a worker given by its row.
    async fn agent_of(&self, job: &Job, worker: Option<Uuid>) -> Room {
        let metadata: DispatchMetadata = serde_json::from_str(&job.metadata).unwrap();
        let agent = Agent {
            room: job.room_name.clone(),
            epoch: metadata.epoch,
            identity: job.identity.clone(),
            worker_id: job.worker_id.clone(),
            worker,
        };
        assert!(self.api.store.agent_runs(&agent).await.unwrap());
        let joined = sidetone::room::join(&job.url, &job.token.expose(), false).await;
        joined.unwrap().0
    }

    async fn state(&self, room: &str) -> DispatchState {
        self.api.store.agent_in(room).await.unwrap().unwrap().state
    }
}

/// A caller's token, and the caller in its room.
async fn call(deaf: &Deaf) -> (String, Room) {
    let ann = user("ann", false);
    let (status, token) = deaf.api.post("/api/voice/token", &ann, json!({})).await;
    assert_eq!(status, 200, "{token}");
    let (host, jwt) = (&token["livekitHost"], &token["token"]);
    let joined = sidetone::room::join(host.as_str().unwrap(), jwt.as_str().unwrap(), false).await;
    let room = token["roomName"].as_str().unwrap().to_owned();
    (room, joined.unwrap().0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_is_replaced_once_without_any_webhook() {
    let deaf = Deaf::start().await;
    let mut worker = Worker::start(&deaf.server).await;
    let (room, caller) = call(&deaf).await;
    let job = worker.job().await;
    assert_eq!(job.room_name, room);
    let agent = deaf.agent(&job).await;
    let voice = VoiceTrack::publish(&agent, "voice").await.unwrap();
    eventually("it is seen", 20, || async {
        (deaf.state(&room).await == DispatchState::Joined).then_some(())
    })
    .await;
    // While it is there, there is no further dispatch, however often the room is looked into: and once LiveKit's own
    // participant count has settled, the room is not looked into at all.
    tokio::time::sleep(Duration::from_secs(4)).await;
    eventually("a room in which nothing changes is let be", 30, || async {
        let age = Duration::from_secs(4);
        let unseen = deaf.api.store.claim_look(&room, age).await.unwrap();
        unseen.then_some(())
    })
    .await;
    assert!(worker.jobs.try_recv().is_err());

    drop(voice);
    agent.close().await.unwrap();
    let second = worker.job().await;
    assert_eq!(second.room_name, room);
    let agent = deaf.agent(&second).await;
    let _voice = VoiceTrack::publish(&agent, "voice").await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(worker.jobs.try_recv().is_err(), "one is enough");

    // When the last participant leaves, there is no dispatch, and the room's next call finds its place free.
    caller.close().await.unwrap();
    agent.close().await.unwrap();
    eventually("it is over", 20, || async {
        (deaf.state(&room).await == DispatchState::Ended).then_some(())
    })
    .await;
    assert!(worker.jobs.try_recv().is_err());
    deaf.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_lives_is_left_alone_though_its_worker_is_silent() {
    let deaf = Deaf::start().await;
    let mut worker = Worker::start(&deaf.server).await;
    let (room, _caller) = call(&deaf).await;
    let job = worker.job().await;
    // There is no such row, so the worker counts as silent, and its agent answers like any client of LiveKit's.
    let agent = deaf.agent_of(&job, Some(Uuid::new_v4())).await;
    let _voice = VoiceTrack::publish(&agent, "voice").await.unwrap();
    eventually("it is silent", 20, || async {
        let silent = deaf.api.store.silent_agents(Duration::from_secs(60)).await;
        (silent.unwrap().len() == 1).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(worker.jobs.try_recv().is_err());
    assert_eq!(deaf.state(&room).await, DispatchState::Joined);

    // An agent that does not answer is replaced: here it is not in the room at all. What it reports later has no
    // effect.
    agent.close().await.unwrap();
    let second = worker.job().await;
    assert_eq!(second.room_name, room);
    let metadata: DispatchMetadata = serde_json::from_str(&second.metadata).unwrap();
    assert!(metadata.epoch > Some(1));
    let late = deaf
        .api
        .store
        .agent_has_ended(&room, Some(1), &job.identity, sidetone_store::now());
    late.await.unwrap();
    assert_ne!(deaf.state(&room).await, DispatchState::Ended);
    deaf.stop().await;
}

/// Interpreters and transcribers are agents to LiveKit, too.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_another_product_is_ignored() {
    let deaf = Deaf::start().await;
    let ann = user("ann", false);
    let (_, token) = deaf.api.post("/api/voice/token", &ann, json!({})).await;
    let room = token["roomName"].as_str().unwrap();
    let interpreter = person::token_of(&deaf.server, room, "interpreter", "agent");
    let joined = sidetone::room::join(&deaf.server.url, &interpreter, false).await;
    let (interpreter, _) = joined.unwrap();
    let _voice = VoiceTrack::publish(&interpreter, "voice").await.unwrap();
    let jwt = token["token"].as_str().unwrap();
    let _caller = sidetone::room::join(&deaf.server.url, jwt, false).await;
    // No worker runs: no agent comes, and the caller is not left alone with the interpreter.
    eventually("the call is given up", 20, || async {
        let agent = deaf.api.store.agent_in(room).await.unwrap()?;
        assert_ne!(agent.state, DispatchState::Joined);
        (agent.state == DispatchState::Failed).then_some(())
    })
    .await;
    deaf.stop().await;
}

/// Its LIVEKIT_HOST names a server that works, and is not the one of the pool.
#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_looks_at_another_livekit_ends_no_call() {
    let deaf = Deaf::start().await;
    let mut worker = Worker::start(&deaf.server).await;
    let (room, _caller) = call(&deaf).await;
    let row = introduce("sidetone", 25);
    let (store, id) = (deaf.api.store.clone(), row.id);
    store.worker_beat(&row).await.unwrap();
    let beats = tokio::spawn(async move {
        loop {
            store.worker_lives(id).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let agent = deaf.agent_of(&worker.job().await, Some(id)).await;
    let _voice = VoiceTrack::publish(&agent, "voice").await.unwrap();
    eventually("it is seen", 20, || async {
        (deaf.state(&room).await == DispatchState::Joined).then_some(())
    })
    .await;
    let other = livekit(None).await;
    let shutdown = CancellationToken::new();
    let mut tasks = Supervisor::new(shutdown.clone());
    let store = deaf.api.store.clone();
    let control = Control::start(store, &credentials(&other), impatient(), &mut tasks);
    let told = reconcile(&control).await.unwrap_err().to_string();
    assert!(told.contains("LIVEKIT_HOST"), "{told}");
    let metadata = DispatchMetadata::default();
    let asked = control.guard.want(&room, &metadata).await.unwrap();
    assert_eq!(asked, Wanted::Already);
    // Several looks of its guard.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(deaf.state(&room).await, DispatchState::Joined);
    let call = deaf.api.store.call_in_room(&room, None).await.unwrap();
    assert_eq!(call.unwrap().ended_at, None);
    assert!(worker.jobs.try_recv().is_err());
    beats.abort();
    shutdown.cancel();
    tasks.ended().await;
    deaf.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_stays_does_not_count_as_a_person() {
    let deaf = Deaf::start().await;
    let mut worker = Worker::start(&deaf.server).await;
    let (room, caller) = call(&deaf).await;
    let agent = deaf.agent(&worker.job().await).await;
    let voice = VoiceTrack::publish(&agent, "voice").await.unwrap();
    eventually("it is seen", 20, || async {
        (deaf.state(&room).await == DispatchState::Joined).then_some(())
    })
    .await;
    let recorder = person::token_of(&deaf.server, &room, "recorder", "egress");
    let _recorder = Person::join(&deaf.server.url, &recorder).await;
    caller.close().await.unwrap();
    drop(voice);
    agent.close().await.unwrap();
    let livekit = ServerApi::new(&credentials(&deaf.server));
    eventually("the recorder is alone", 20, || async {
        let there = livekit.participants(&room).await.unwrap()?;
        (there.len() == 1).then_some(())
    })
    .await;
    let asked = json!({"roomName": room});
    let (status, answer) = deaf.api.post("/api/voice/agent", "key-agent", asked).await;
    assert_eq!(
        (status, &answer["alreadyThere"]),
        (200, &json!(false)),
        "{answer}"
    );
    deaf.stop().await;
}

/// A worker in its own process.
pub(super) fn worker_process(variables: &[(&'static str, String)]) -> Child {
    Command::new(PROGRAM)
        .args(["worker", "--count-jobs", "--agents", served::AGENTS])
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .env("SIDETONE_END_OF_TURN", "off")
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Waits until this many workers take calls.
pub(super) async fn ready(deaf: &Deaf, workers: usize) {
    eventually("workers that take calls", 60, || async {
        let rows = deaf.api.store.workers().await.unwrap();
        let is_alive = |seen| sidetone_store::now() - seen < chrono::TimeDelta::seconds(5);
        let ready = rows
            .iter()
            .filter(|row| row.state == WorkerState::Ready && is_alive(row.seen_at))
            .count();
        (ready == workers).then_some(())
    })
    .await;
}

/// Reports whose voice was heard, each time it is heard.
pub(super) fn voices(
    mut events: mpsc::UnboundedReceiver<RoomEvent>,
) -> mpsc::Receiver<(String, Instant)> {
    let (heard, voices) = mpsc::channel(1_000);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let RoomEvent::TrackSubscribed {
                track: RemoteTrack::Audio(track),
                participant,
                ..
            } = event
            else {
                continue;
            };
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut frames = NativeAudioStream::new(track.rtc_track(), 48_000, 1);
                while let Some(frame) = frames.next().await {
                    let is_voice = frame
                        .data
                        .iter()
                        .any(|sample| sample.unsigned_abs() > 1_000);
                    if is_voice {
                        let identity = participant.identity().to_string();
                        // Nobody reads as fast as this is produced.
                        let _ = heard.try_send((identity, clock::now()));
                    }
                }
            });
        }
    });
    voices
}

/// Kills `SIDETONE_TAKEOVERS` workers, one by default.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_call_is_taken_over() {
    let kills = std::env::var("SIDETONE_TAKEOVERS").map_or(1, |kills| kills.parse().unwrap());
    let postgres = Postgres::start();
    let database = ("DATABASE_URL", postgres.url());
    let login = ("SIDETONE_JWT_SECRET", LOGIN_SECRET.to_owned());
    let deaf = Deaf::start_with(vec![login, database.clone()]).await;
    deaf.api.no_worker().await;
    let provider = FakeOpenAi::start(Timing::default()).await;
    let data = tempfile::tempdir().unwrap();
    let mut variables = served::variables(&deaf.server, &provider, data.path());
    variables.push(database);
    let mut holds = worker_process(&variables);
    ready(&deaf, 1).await;

    let ann = user("ann", false);
    let (_, token) = deaf.api.post("/api/voice/token", &ann, json!({})).await;
    let (host, jwt) = (&token["livekitHost"], &token["token"]);
    let joined = sidetone::room::join(host.as_str().unwrap(), jwt.as_str().unwrap(), true).await;
    let (caller, events) = joined.unwrap();
    let mut voices = voices(events);
    let mut voice = async |not: &str| loop {
        let heard = tokio::time::timeout(Duration::from_secs(40), voices.recv());
        let (identity, at) = heard.await.expect("an agent's voice").unwrap();
        if identity != not {
            return (identity, at);
        }
    };
    let (mut speaks, _) = voice("").await;
    let mut took = Vec::new();
    for _ in 0..kills {
        let takes_over = worker_process(&variables);
        ready(&deaf, 2).await;
        let killed_at = clock::now();
        holds.kill().await.unwrap();
        let (next, at) = voice(&speaks).await;
        took.push(at - killed_at);
        // The dead agent is gone from the room before the next one is heard.
        let agents = caller.remote_participants().into_values();
        let agents: Vec<ParticipantIdentity> = agents
            .filter(|one| one.kind() == ParticipantKind::Agent)
            .map(|one| one.identity())
            .collect();
        assert_eq!(agents, [ParticipantIdentity(next.clone())]);
        (speaks, holds) = (next, takes_over);
    }
    took.sort();
    println!("voice after a worker's death: {took:.2?}");
    caller.close().await.unwrap();
    // Only the control plane that removed the dead agents has reported when they left.
    let call = format!("/api/voice/history/{}", token["callId"].as_str().unwrap());
    let call = eventually("a call that is over", 20, async || {
        let (_, call) = deaf.api.get(&call, &ann).await;
        (call["status"] == "completed").then_some(call)
    })
    .await;
    let stays = call["participants"].as_array().unwrap().iter();
    let mut agents: Vec<[DateTime<Utc>; 2]> = stays
        .filter(|stay| stay["kind"] == "agent")
        .map(|stay| ["joinedAt", "leftAt"].map(|at| stay[at].as_str().unwrap().parse().unwrap()))
        .collect();
    agents.sort();
    assert_eq!(agents.len(), kills + 1, "{call:#}");
    for (before, after) in agents.iter().zip(&agents[1..]) {
        let between = after[0] - before[1];
        assert!(between.abs() < TimeDelta::seconds(4), "{call:#}");
    }
    deaf.stop().await;
}
