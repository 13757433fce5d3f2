//! The control plane with a real livekit-server: tokens and agents reach a worker, its webhooks
//! are taken, the guardian asks again and gives up, reconciliation makes good what was lost.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sidetone::control::{ControlConfig, reconcile};
use sidetone::dispatch::DispatchMetadata;
use sidetone::dispatch::guardian::GuardianConfig;
use sidetone::store::dispatches::DispatchState;
use sidetone::store::{CallStatus, CallType, NewCall};
use sidetone::worker::{
    self, Job, JobHandle, JobOutcome, JobRunner, LoadMeasure, WorkerSettings, WorkerStatus,
};
use support::api::{Api, Setup, user};
use support::eventually;
use support::livekit::LiveKitServer;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Shows each job to the test and stays until it is told to leave.
struct Stays(mpsc::Sender<Job>);

impl JobRunner for Stays {
    async fn run(&self, job: Job, handle: JobHandle) -> JobOutcome {
        self.0.send(job).await.unwrap();
        handle.cancelled().await;
        JobOutcome::Success
    }
}

struct Worker {
    jobs: mpsc::Receiver<Job>,
    status: watch::Receiver<WorkerStatus>,
    shutdown: CancellationToken,
}

impl Worker {
    async fn start(server: &LiveKitServer) -> Self {
        let (jobs_out, jobs) = mpsc::channel(16);
        let (status_out, mut status) = watch::channel(WorkerStatus::default());
        let shutdown = CancellationToken::new();
        let settings = WorkerSettings {
            load: LoadMeasure::Jobs,
            drain_timeout: Duration::ZERO,
            ..WorkerSettings::new(server.credentials(), "sidetone")
        };
        tokio::spawn(worker::run(
            settings,
            Arc::new(Stays(jobs_out)),
            shutdown.clone(),
            status_out,
        ));
        let registered = status.wait_for(|status| status.worker_id.is_some());
        tokio::time::timeout(Duration::from_secs(20), registered)
            .await
            .unwrap()
            .unwrap();
        Self {
            jobs,
            status,
            shutdown,
        }
    }

    async fn job(&mut self) -> Job {
        tokio::time::timeout(Duration::from_secs(20), self.jobs.recv())
            .await
            .unwrap()
            .unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn impatient() -> ControlConfig {
    ControlConfig {
        guardian: GuardianConfig {
            patience: Duration::from_millis(300),
            patience_taken: Duration::from_secs(30),
            limit: 3,
        },
        // Tests reconcile by hand.
        reconcile_every: Duration::from_secs(3_600),
        ..ControlConfig::new("sidetone")
    }
}

async fn start() -> (LiveKitServer, Api) {
    let (listener, webhook) = Api::listener().await;
    let server = LiveKitServer::start(Some(webhook)).await;
    let setup = Setup {
        livekit: Ok(server.credentials()),
        control: impatient(),
        ..Default::default()
    };
    let api = Api::start_on(listener, setup).await;
    (server, api)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_brings_an_agent_and_the_webhooks_tell_of_it() {
    let (server, api) = start().await;
    let mut worker = Worker::start(&server).await;
    let ann = user("ann", false);
    let request = json!({"roomType": "support", "participantName": "Ann", "voice": "nova",
        "variables": {"order": "42"}});
    let (status, token) = api.post("/api/voice/token", &ann, request).await;
    assert_eq!(
        (status, &token["agentSpawned"]),
        (200, &json!(true)),
        "{token}"
    );
    let room = token["roomName"].as_str().unwrap().to_owned();
    let call_id: uuid::Uuid = token["callId"].as_str().unwrap().parse().unwrap();
    let job = worker.job().await;
    assert_eq!(job.room_name, room);
    let metadata: DispatchMetadata = serde_json::from_str(&job.metadata).unwrap();
    assert_eq!(metadata.call_id, Some(call_id));
    assert_eq!(metadata.voice.as_deref(), Some("nova"));
    assert_eq!(metadata.variables["order"], "42");

    // Asking again for the room changes nothing.
    let again = json!({"roomName": room, "voice": "echo", "systemPrompt": "Be brief."});
    let (status, answer) = api.post("/api/voice/agent", &ann, again).await;
    assert_eq!((status, &answer["alreadyThere"]), (200, &json!(true)));
    let (_, agents) = api.get("/api/voice/agent", "key-agent").await;
    assert_eq!(agents["agents"][0]["roomName"], room.as_str());
    assert_eq!(agents["agents"][0]["attempts"], 1);

    // The room's webhook came from the real server, was verified, kept and acted on.
    let call = eventually("room_started", 20, || async {
        let call = api.store.call(call_id).await.unwrap().unwrap();
        call.started_at.is_some().then_some(call)
    })
    .await;
    assert!(call.room_sid.as_deref().unwrap().starts_with("RM_"));
    assert!(!api.holds("turnPassword"));

    // Ended on request: the worker is told to leave, and nobody is asked for again.
    let path = format!("/api/voice/agent/{room}");
    assert_eq!(
        api.call("DELETE", &path, Some("key-agent"), None).await.0,
        204
    );
    let left = worker.status.wait_for(|status| status.jobs.is_empty());
    tokio::time::timeout(Duration::from_secs(10), left)
        .await
        .unwrap()
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(worker.jobs.try_recv().is_err());
    assert_eq!(
        api.call("DELETE", &path, Some("key-agent"), None).await.0,
        404
    );
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_late_gets_the_job_that_was_dropped() {
    let (server, api) = start().await;
    let (_, token) = api
        .post("/api/voice/token", &user("ann", false), json!({}))
        .await;
    let room = token["roomName"].as_str().unwrap();
    eventually("asked twice", 20, || async {
        let agent = api.store.agent_in(room).await.unwrap().unwrap();
        (agent.attempts >= 2).then_some(())
    })
    .await;
    let mut worker = Worker::start(&server).await;
    assert_eq!(worker.job().await.room_name, room);
    // It said yes, so it is waited for: no second agent.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(worker.jobs.try_recv().is_err());
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_worker_the_call_fails_with_the_reason() {
    let (_server, api) = start().await;
    let ann = user("ann", false);
    let (status, token) = api.post("/api/voice/token", &ann, json!({})).await;
    assert_eq!(status, 200, "{token}");
    let room = token["roomName"].as_str().unwrap();
    let call_id: uuid::Uuid = token["callId"].as_str().unwrap().parse().unwrap();
    let call = eventually("the call fails", 20, || async {
        let call = api.store.call(call_id).await.unwrap().unwrap();
        (call.status == CallStatus::Failed).then_some(call)
    })
    .await;
    let reason = call.failure_reason.unwrap();
    assert!(
        reason.contains("after 3 askings") && reason.contains("worker"),
        "{reason}"
    );
    let agent = api.store.agent_in(room).await.unwrap().unwrap();
    assert_eq!((agent.state, agent.attempts), (DispatchState::Failed, 3));
    let (_, detail) = api
        .get(&format!("/api/voice/history/{call_id}"), &ann)
        .await;
    assert_eq!(
        (&detail["status"], &detail["failureReason"]),
        (&json!("failed"), &json!(reason))
    );
    let (status, problem) = api
        .post("/api/voice/agent", &ann, json!({"roomName": room}))
        .await;
    assert_eq!((status, &problem["field"]), (409, &json!("roomName")));
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliation_finds_rooms_that_opened_and_rooms_that_closed() {
    let (server, api) = start().await;
    let control = api.control.clone().unwrap();
    let mut calls = Vec::new();
    for room in ["support-open-1", "support-gone-1", "support-new-1"] {
        let call = NewCall {
            id: uuid::Uuid::new_v4(),
            room_name: room.into(),
            caller_id: "ann".into(),
            callee_id: None,
            call_type: CallType::Support,
            metadata: json!({}),
            created_at: sidetone::store::now(),
        };
        calls.push(api.store.create_call(&call).await.unwrap().id);
    }
    // One room is open without our knowing, one was open when we last looked.
    let rooms = support::rooms(&server.credentials());
    rooms
        .create_room("support-open-1", Default::default())
        .await
        .unwrap();
    api.store
        .observe(calls[1], Some("RM_gone"), &[])
        .await
        .unwrap();
    reconcile::reconcile(&control).await.unwrap();
    let call = async |n: usize| api.store.call(calls[n]).await.unwrap().unwrap();
    assert!(call(0).await.started_at.is_some() && call(0).await.ended_at.is_none());
    assert_eq!(call(1).await.status, CallStatus::Missed);
    assert_eq!(
        call(2).await.status,
        CallStatus::Pending,
        "its token is still good"
    );
    rooms.delete_room("support-open-1").await.unwrap();
    reconcile::reconcile(&control).await.unwrap();
    assert_eq!(call(0).await.status, CallStatus::Missed);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_what_is_wrong_and_says_the_fix() {
    use sidetone::check::{self, Outcome};
    use sidetone::config::env::Env;

    let server = LiveKitServer::start(None).await;
    let livekit = server.credentials();
    let folder = std::env::temp_dir().join(format!("sidetone-check-{}", uuid::Uuid::new_v4()));
    let look = async |host: &str, secret: &str, demo: &str, database: &str| {
        let env = Env::from_lookup(|name| match name {
            "LIVEKIT_HOST" => Some(host.to_owned()),
            "LIVEKIT_API_KEY" => Some(livekit.api_key.clone()),
            "LIVEKIT_API_SECRET" => Some(secret.to_owned()),
            "SIDETONE_DATA_DIR" => Some(folder.display().to_string()),
            "SIDETONE_DEMO" => Some(demo.to_owned()),
            "DATABASE_URL" => Some(database.to_owned()),
            _ => None,
        });
        check::run(env, Vec::new()).await
    };
    let secret = livekit.api_secret.expose();
    let good = look(&livekit.host, secret, "true", "").await;
    assert!(good.is_good(), "{}", good.to_text());
    let outcome = |report: &check::Report, name: &str| {
        report
            .items
            .iter()
            .find(|item| item.name == name)
            .map(|item| item.outcome)
    };
    assert_eq!(outcome(&good, "livekit"), Some(Outcome::Ok));
    assert_eq!(
        outcome(&good, "clock"),
        Some(Outcome::Ok),
        "{}",
        good.to_text()
    );

    let wrong_key = look(
        &livekit.host,
        "not the secret of this server, but long",
        "true",
        "",
    )
    .await;
    assert_eq!(
        outcome(&wrong_key, "livekit"),
        Some(Outcome::Wrong),
        "{}",
        wrong_key.to_text()
    );
    assert!(wrong_key.to_text().contains("LIVEKIT_API_SECRET"));
    let nobody = look("ws://127.0.0.1:9", secret, "true", "").await;
    assert!(
        nobody.to_text().contains("check LIVEKIT_HOST"),
        "{}",
        nobody.to_text()
    );
    let closed = look(
        &livekit.host,
        secret,
        "false",
        "postgres://u:very-secret@127.0.0.1:9/d",
    )
    .await;
    assert_eq!(outcome(&closed, "logins"), Some(Outcome::Wrong));
    assert_eq!(outcome(&closed, "database"), Some(Outcome::Wrong));
    for report in [&good, &wrong_key, &closed] {
        let text = format!(
            "{}{}",
            report.to_text(),
            serde_json::to_string(report).unwrap()
        );
        assert!(
            !text.contains(secret) && !text.contains("very-secret"),
            "{text}"
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}
