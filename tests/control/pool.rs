//! Drains a worker with the same request as the pool page's button.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sidetone::caller::{self};
use sidetone::serve::{Process, serve};
use sidetone::worker::LoadMeasure;
use sidetone_config::env::Env;
use sidetone_testkit::{FakeOpenAi, Timing};
use tokio_util::sync::CancellationToken;

use super::served;
use crate::support::api::Api;
use crate::support::{eventually, livekit};

async fn workers(address: SocketAddr) -> Vec<Value> {
    let list = served::get(address, "/api/voice/workers").await.unwrap();
    list["workers"].as_array().unwrap().clone()
}

/// Waits until the `n`th worker is in this state with this many calls.
async fn worker(address: SocketAddr, n: usize, state: &str, calls: usize) -> Value {
    eventually(&format!("worker {n} {state} with {calls}"), 60, || async {
        let all = workers(address).await;
        let one = all.get(n)?;
        (one["state"] == state && one["calls"] == calls).then(|| one.clone())
    })
    .await
}

async fn drain(address: SocketAddr, worker: &Value) {
    let id = worker["id"].as_str().unwrap();
    let request =
        reqwest::Client::new().post(format!("http://{address}/api/voice/workers/{id}/drain"));
    assert_eq!(request.send().await.unwrap().status(), 202);
}

async fn post(address: SocketAddr, path: &str, body: Value) -> reqwest::Response {
    let request = reqwest::Client::new().post(format!("http://{address}/api/voice/{path}"));
    request.json(&body).send().await.unwrap()
}

/// A call that nobody has joined yet, with an agent on its way.
async fn token(address: SocketAddr) -> Value {
    let post = async |path, body| -> Value {
        let answer = post(address, path, body).await;
        answer.error_for_status().unwrap().json().await.unwrap()
    };
    let token = post("token", json!({"roomType": "support"})).await;
    post("agent", json!({"roomName": token["roomName"]})).await;
    token
}

/// Both tokens and agents are refused for this reason, with a time to retry.
async fn refused(address: SocketAddr, room: &Value, why: &str) {
    for (path, body) in [
        ("token", json!({"roomType": "support"})),
        ("token", json!({"room_config": {}})),
        ("agent", json!({"roomName": room})),
    ] {
        let answer = post(address, path, body).await;
        assert_eq!(answer.status(), 503, "{path}");
        let after = answer.headers()["retry-after"].to_str().unwrap();
        assert!((1..=600).contains(&after.parse().unwrap()), "{after} s");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["title"], "No agent is free", "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(why),
            "{problem}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_worker_ends_its_calls_and_takes_no_more() {
    let (listener, webhook) = Api::listener().await;
    let address = listener.local_addr().unwrap();
    let server = livekit(Some(webhook)).await;
    let provider = FakeOpenAi::start(Timing::default()).await;
    provider.default_transcript("What are your opening hours on Saturday?");
    provider.default_answer("On Saturday we are open from nine to five.");
    let data = tempfile::tempdir().unwrap();
    let env = || {
        let mut variables = served::variables(&server, &provider, data.path());
        variables.push(("SIDETONE_MAX_CALLS", "1".into()));
        Env::from_lookup(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone())
        })
        .unwrap()
    };
    let stop = CancellationToken::new();
    let process = tokio::spawn(served::run(
        env(),
        served::AGENTS.into(),
        listener,
        stop.clone(),
    ));
    served::ready(address).await;
    worker(address, 0, "ready", 0).await;

    // A room without an agent.
    let conference = json!({"roomType": "conference"});
    let conference: Value = post(address, "token", conference)
        .await
        .json()
        .await
        .unwrap();
    let room = &conference["roomName"];

    // During a call with two questions there is no place for another, and its worker is asked to drain.
    let caller = tokio::spawn(caller::place(served::call(address, None, 2)));
    let first = worker(address, 0, "ready", 1).await;
    refused(address, room, "in calls").await;
    drain(address, &first).await;
    refused(address, room, "being replaced").await;
    let draining = worker(address, 0, "draining", 1).await;
    assert!(draining["drainRequestedAt"].is_string());
    refused(address, room, "being replaced").await;

    // The call continues to its own end: both questions are answered after the request.
    let report = caller.await.unwrap().unwrap().report;
    assert_eq!(report.timings.len(), 2, "{report}");
    worker(address, 0, "drained", 0).await;
    refused(address, room, "being replaced").await;
    // The process keeps running, as a control plane.
    served::get(address, "/healthz").await.unwrap();
    let ready = reqwest::get(format!("http://{address}/readyz")).await;
    let ready: Value = ready.unwrap().json().await.unwrap();
    assert_eq!(ready["worker"], "draining");

    // A worker in another process takes the next job.
    let alone = Process {
        env: env(),
        agents: served::AGENTS.into(),
        listener: None,
        models: None,
        worker: Some(LoadMeasure::Jobs),
    };
    let alone = tokio::spawn(serve(alone, stop.clone()));
    worker(address, 1, "ready", 0).await;
    let next = token(address).await;
    let room = next["roomName"].as_str().unwrap();
    let second = worker(address, 1, "ready", 1).await;
    let agent = async || {
        let list = served::get(address, "/api/voice/agent").await.unwrap();
        let mut agents = list["agents"].as_array().unwrap().iter();
        agents.find(|a| a["roomName"] == room).cloned()
    };
    let there = eventually("its agent is there", 60, || async {
        let known = |agent: &Value| agent["state"] == "joined" && !agent["worker"].is_null();
        agent().await.filter(known)
    })
    .await;
    assert_eq!(there["worker"], second["livekitId"]);

    // When the only worker of a process is drained, the process ends, and the worker's row disappears.
    drain(address, &second).await;
    worker(address, 1, "draining", 1).await;
    let end = reqwest::Client::new().delete(format!("http://{address}/api/voice/agent/{room}"));
    assert_eq!(end.send().await.unwrap().status(), 204);
    let ended = tokio::time::timeout(Duration::from_secs(60), alone).await;
    ended.expect("ends within 60 s").unwrap().unwrap();
    assert_eq!(workers(address).await.len(), 1);
    stop.cancel();
    process.await.unwrap().unwrap();
}
