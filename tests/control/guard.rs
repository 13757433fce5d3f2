//! Agents that are gone without a word: the guard works from the store and LiveKit, webhooks or not,
//! and with any number of control planes.

use std::time::Duration;

use livekit::prelude::Room;
use serde_json::json;
use sidetone::room::voice::VoiceTrack;
use sidetone::worker::Job;
use sidetone_control_plane::control::Control;
use sidetone_store::dispatches::DispatchState;
use sidetone_testkit::LiveKitServer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Worker, impatient};
use crate::support::api::{Api, Setup, user};
use crate::support::{credentials, eventually, livekit};

/// A server that tells nobody of anything, and two control planes on one store.
struct Deaf {
    server: LiveKitServer,
    api: Api,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Deaf {
    async fn start() -> Self {
        let server = livekit(None).await;
        let setup = Setup {
            livekit: Ok(credentials(&server)),
            control: impatient(),
            ..Default::default()
        };
        let api = Api::start(setup).await;
        let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
        Control::start(
            api.store.clone(),
            &credentials(&server),
            impatient(),
            &mut tasks,
            &shutdown,
        );
        Self {
            server,
            api,
            shutdown,
            tasks,
        }
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.api.stop().await;
    }

    /// Joins as the agent of a job, as the product's agents do.
    async fn agent(&self, job: &Job) -> Room {
        let runs = self
            .api
            .store
            .agent_runs_on(&job.room_name, &job.identity, &job.worker_id);
        runs.await.unwrap();
        let joined = sidetone::room::join(&job.url, job.token.expose(), false).await;
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
    // While it is there, nobody else is asked for, however often the room is looked at.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(worker.jobs.try_recv().is_err());

    drop(voice);
    agent.close().await.unwrap();
    let second = worker.job().await;
    assert_eq!(second.room_name, room);
    let agent = deaf.agent(&second).await;
    let _voice = VoiceTrack::publish(&agent, "voice").await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(worker.jobs.try_recv().is_err(), "one is enough");

    // The last one out: nobody is asked for, and the room's next call finds its place free.
    caller.close().await.unwrap();
    agent.close().await.unwrap();
    eventually("it is over", 20, || async {
        (deaf.state(&room).await == DispatchState::Ended).then_some(())
    })
    .await;
    assert!(worker.jobs.try_recv().is_err());
    deaf.stop().await;
}
