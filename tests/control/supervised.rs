//! A background task that fails is reported by `/readyz` and restarted, without restarting the process. A worker
//! without a control plane answers health checks, too.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sidetone::serve::{Process, serve};
use sidetone::worker::LoadMeasure;
use sidetone_base::supervise::{Needed, Supervisor};
use sidetone_config::env::Env;
use sidetone_control_plane::control::{Control, ControlConfig};
use sidetone_control_plane::http::auth::Auth;
use sidetone_control_plane::http::{self, AppState, HttpConfig, LiveKitSide};
use sidetone_store::Store;
use sidetone_testkit::{FakeOpenAi, Timing};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::served;
use crate::support::api::nowhere;
use crate::support::{eventually, livekit};

/// The status and JSON of a GET request.
async fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let answer = reqwest::get(format!("http://{address}{path}"))
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_named_while_it_is_down_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let env = Env::from_lookup(|name| (name == "SIDETONE_DATA_DIR").then(|| data.clone())).unwrap();
    let store = Store::open(&env.database).await.unwrap();
    let stop = CancellationToken::new();
    let mut supervisor = Supervisor::new(stop.clone());
    let livekit = nowhere();
    let config = ControlConfig::new("sidetone");
    let control = Control::start(store.clone(), &livekit, config, &mut supervisor);
    let (fault, faults) = watch::channel(true);
    supervisor.spawn("clumsy", Needed::ByCalls, move |stop| {
        let fault = *faults.borrow();
        async move {
            assert!(!fault, "a task that panics on purpose");
            stop.cancelled().await;
        }
    });
    let config = HttpConfig {
        tasks: supervisor.health(),
        ..HttpConfig::default()
    };
    let voice = Ok(LiveKitSide { livekit, control });
    let state = AppState::new(store.clone(), voice, Auth::new(&env).unwrap(), config, None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(http::serve(listener, http::router(state), stop.clone()));
    let body = eventually("the task is down", 20, || async {
        let (status, body) = get(address, "/readyz").await;
        (status == 503).then_some(body)
    })
    .await;
    let tasks = body["tasks"].as_object().unwrap();
    assert_eq!(tasks.len(), 1, "{body}");
    let told = tasks["clumsy"].as_str().unwrap();
    assert!(
        told.starts_with("restarting; failures in a row: "),
        "{body}"
    );
    assert_eq!(get(address, "/healthz").await.0, 200);

    fault.send_replace(false);
    let ready = json!({"ready": true, "database": "ok", "livekit": "ok"});
    eventually("the task is back", 60, || async {
        (get(address, "/readyz").await == (200, ready.clone())).then_some(())
    })
    .await;
    stop.cancel();
    serving.await.unwrap().unwrap();
    supervisor.ended().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_alone_answers_health_checks() {
    let server = livekit(None).await;
    let provider = FakeOpenAi::start(Timing::default()).await;
    let (data, agents) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = agents.path().join("default.toml");
    let write = || std::fs::write(&file, "prompt = \"p.md\"").unwrap();
    std::fs::write(agents.path().join("p.md"), "You are kind.").unwrap();
    write();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut variables = served::variables(&server, &provider, data.path());
    variables.push(("SIDETONE_HEALTH_ADDRESS", address.to_string()));
    variables.push(("SIDETONE_END_OF_TURN", "off".into()));
    let env = Env::from_lookup(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    })
    .unwrap();
    let process = Process {
        env,
        agents: agents.path().into(),
        listener: None,
        models: None,
        worker: Some(LoadMeasure::Jobs),
    };
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(process, stop.clone()));
    served::ready(address).await;
    let well = json!({
        "ready": true, "livekit": "ok", "worker": "ok", "agents": "ok", "runtime": "ok",
    });
    assert_eq!(get(address, "/readyz").await, (200, well.clone()));
    let lacks = async |part: &str, what: &str| {
        let mut expected = well.clone();
        expected["ready"] = false.into();
        expected[part] = what.into();
        eventually(what, 30, || async {
            (get(address, "/readyz").await == (503, expected.clone())).then_some(())
        })
        .await;
        assert_eq!(get(address, "/healthz").await.1["status"], "ok");
    };
    std::fs::remove_file(&file).unwrap();
    lacks("agents", "there are no agents").await;
    write();
    served::ready(address).await;
    drop(server);
    lacks("worker", "not registered with LiveKit").await;
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(60), serving).await;
    ended.expect("ends within 60 s").unwrap().unwrap();
}
