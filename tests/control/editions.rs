//! A pool that shares the agents' files: a control plane publishes its own, and workers whose disks have other files
//! hold calls with those.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sidetone::caller::{self, Placed};
use sidetone::serve::{Process, serve};
use sidetone::worker::LoadMeasure;
use sidetone_config::env::{Database, Env};
use sidetone_config::folder::AgentFolder;
use sidetone_config::secret::Secrets;
use sidetone_control_plane::control::ControlConfig;
use sidetone_control_plane::control::editions::Publisher;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_store::Store;
use sidetone_store::editions::Published;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Postgres, Timing};
use tokio_util::sync::CancellationToken;

use super::guard::{Deaf, ready, worker_process};
use super::{impatient, served};
use crate::rooms::person::{self, Person};
use crate::support::api::{Api, LOGIN_SECRET, user};
use crate::support::{credentials, eventually, livekit};

/// Every process of the pool has this variable.
const STORE: (&str, &str) = ("SIDETONE_AGENTS", "store");

/// The fake model repeats its prompt.
async fn provider() -> FakeOpenAi {
    let provider = FakeOpenAi::start(Timing::default()).await;
    provider.default_transcript("What are your opening hours on Saturday?");
    provider.default_answer("{system prompt}");
    provider
}

fn write(folder: &Path, greeting: &str, prompt: &str) {
    std::fs::write(folder.join("default.md"), prompt).unwrap();
    let text = format!("prompt = \"default.md\"\ngreeting = {greeting:?}\ncut_off = \"Sorry.\"");
    std::fs::write(folder.join("default.toml"), text).unwrap();
}

/// A folder with one agent.
fn folder(greeting: &str, prompt: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), greeting, prompt);
    folder
}

async fn pool(address: SocketAddr) -> Value {
    served::get(address, "/api/voice/workers").await.unwrap()
}

/// Waits until `n` editions are published and the worker uses the newest; returns it.
async fn edition(address: SocketAddr, n: usize) -> String {
    eventually(&format!("edition {n} at the worker"), 30, || async {
        let pool = pool(address).await;
        let editions = pool["editions"].as_array()?;
        let (worker, current) = (&pool["workers"][0], editions.first()?);
        let is_used = worker["state"] == "ready" && worker["edition"] == current["version"];
        (editions.len() == n && is_used).then(|| current["version"].as_str().unwrap().to_owned())
    })
    .await
}

async fn place(address: SocketAddr, turns: usize) -> Placed {
    let plan = served::call(address, None, turns);
    caller::place(plan).await.unwrap()
}

/// Of the call's row.
async fn held_with(address: SocketAddr, placed: &Placed) -> Value {
    let id = placed.report.call_id.as_deref().unwrap();
    let path = format!("/api/voice/history/{id}");
    served::get(address, &path).await.unwrap()["edition"].clone()
}

/// A room that Sidetone has not made, and an agent that somebody else's dispatch sends there.
async fn stranger(server: &LiveKitServer) -> Person {
    let token = person::token(server, "pbx-1", "sip_1");
    let person = Person::join(&server.url, &token).await;
    let livekit = ServerApi::new(&credentials(server));
    let dispatched = livekit.create_dispatch("pbx-1", "sidetone", String::new());
    dispatched.await.unwrap();
    person
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_holds_calls_with_the_files_of_its_control_plane() {
    let (listener, webhook) = Api::listener().await;
    let address = listener.local_addr().unwrap();
    let server = livekit(Some(webhook)).await;
    let provider = provider().await;
    let data = tempfile::tempdir().unwrap();
    let plane = folder("Hello!", "The shop is red.");
    let disk = folder("Wrong!", "The shop is grey.");
    let variables = served::variables(&server, &provider, data.path());
    let env = || {
        Env::from_lookup(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            let found = found.map(|(_, value)| value.clone());
            found.or_else(|| (name == STORE.0).then(|| STORE.1.to_owned()))
        })
        .unwrap()
    };
    let stop = CancellationToken::new();
    let control_plane = Process {
        env: env(),
        agents: plane.path().into(),
        listener: Some(listener),
        models: None,
        worker: None,
    };
    let control_plane = tokio::spawn(serve(control_plane, stop.clone()));
    served::ready(address).await;
    let worker = Process {
        env: env(),
        agents: disk.path().into(),
        listener: None,
        models: None,
        worker: Some(LoadMeasure::Jobs),
    };
    let worker = tokio::spawn(serve(worker, stop.clone()));
    let first = edition(address, 1).await;

    // The files change between the first answer and the second.
    let running = tokio::spawn(place(address, 2));
    provider
        .until(|requests| {
            let mut messages = requests.iter().map(|request| &request.body["messages"]);
            messages.any(|messages| messages.to_string().contains("red"))
        })
        .await;
    write(plane.path(), "Good day!", "The shop is blue.");
    let second = edition(address, 2).await;
    let next = place(address, 1).await;
    let running = running.await.unwrap();

    let (old, new) = (running.report.agent_text(), next.report.agent_text());
    assert!(old.starts_with("Hello!") && !old.contains("blue"), "{old}");
    assert_eq!(old.matches("red").count(), 2, "both answers: {old}");
    assert!(
        new.starts_with("Good day!") && new.contains("blue"),
        "{new}"
    );
    assert_eq!(held_with(address, &running).await, first.as_str());
    assert_eq!(held_with(address, &next).await, second.as_str());

    // A dispatch that names no edition takes the current one.
    let caller = stranger(&server).await;
    caller.reads("Good day!").await;
    caller.leave().await;

    // The pool goes back, and stays there whatever is published.
    let store = Store::open(&env().database).await.unwrap();
    assert!(store.hold_edition(Some(&first)).await.unwrap());
    write(plane.path(), "Good evening!", "The shop is dark.");
    assert_eq!(edition(address, 3).await, first);
    let back = place(address, 1).await.report.agent_text();
    assert!(back.starts_with("Hello!") && back.contains("red"), "{back}");
    assert!(pool(address).await["editions"][0]["heldSince"].is_string());
    store.close().await;
    stop.cancel();
    worker.await.unwrap().unwrap();
    control_plane.await.unwrap().unwrap();
}

#[tokio::test]
async fn files_with_a_mistake_are_not_published() {
    let data = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(data.path().join("sidetone.db"));
    let store = Store::open(&database).await.unwrap();
    let files = folder("Hello!", "The shop is red.");
    let agents = Arc::new(AgentFolder::open(files.path(), Secrets::default()));
    let publisher = Publisher::new(store.clone(), Arc::clone(&agents), "plane".into());
    publisher.publish().await.unwrap();
    let first = store.current_edition().await.unwrap();
    assert_eq!(first.as_deref(), Some(agents.edition().unwrap().version()));
    let file = files.path().join("default.toml");
    std::fs::write(&file, "prompt = \"default.md\"\ngreting = \"Oh!\"").unwrap();
    publisher.publish().await.unwrap();
    assert_eq!(store.current_edition().await.unwrap(), first);
    assert_eq!(store.editions().await.unwrap().len(), 1);
    write(files.path(), "Good day!", "The shop is blue.");
    publisher.publish().await.unwrap();
    assert_ne!(store.current_edition().await.unwrap(), first);
    store.close().await;
}

/// As a control plane does with its folder.
async fn publish(store: &Store, folder: &Path) -> String {
    let agents = AgentFolder::open(folder, Secrets::default());
    let edition = agents.edition().unwrap();
    let published = store.publish_edition(&edition, "plane").await.unwrap();
    assert_eq!(published, Published::Current);
    edition.version().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_takes_a_call_over_holds_it_with_the_calls_own_edition() {
    let postgres = Postgres::start();
    let database = ("DATABASE_URL", postgres.url());
    let login = ("SIDETONE_JWT_SECRET", LOGIN_SECRET.to_owned());
    let control = ControlConfig {
        names_editions: true,
        ..impatient()
    };
    let deaf = Deaf::start_as(vec![login, database.clone()], control).await;
    deaf.api.no_worker().await;
    let store = deaf.api.store.clone();
    let files = folder("Hello!", "The shop is red.");
    let first = publish(&store, files.path()).await;
    let provider = provider().await;
    let data = tempfile::tempdir().unwrap();
    let mut variables = served::variables(&deaf.server, &provider, data.path());
    variables.extend([database, (STORE.0, STORE.1.to_owned())]);
    let mut holds = worker_process(&variables);
    ready(&deaf, 1).await;
    let call = async |name: &str| {
        let (_, token) = (deaf.api)
            .post("/api/voice/token", &user(name, false), json!({}))
            .await;
        let text = |key: &str| token[key].as_str().unwrap().to_owned();
        let caller = Person::join(&text("livekitHost"), &text("token")).await;
        (caller, text("callId"))
    };
    let (ann, call_id) = call("ann").await;
    ann.reads("Hello!").await;
    let died = ann.agent().unwrap().identity();

    write(files.path(), "Good day!", "The shop is blue.");
    let second = publish(&store, files.path()).await;
    assert_ne!(first, second);
    let _takes_over = worker_process(&variables);
    ready(&deaf, 2).await;
    holds.kill().await.unwrap();
    eventually("another agent", 40, || async {
        let agent = ann.sees("listening").await;
        (agent.identity() != died).then_some(())
    })
    .await;
    ann.writes("What are your opening hours?").await;
    ann.reads("The shop is red.").await;
    let by = store.version_of_call(call_id.parse().unwrap()).await;
    assert_eq!(by.unwrap().unwrap().edition, Some(first));

    // The same worker holds the next call with the edition that is current then.
    let (bob, _) = call("bob").await;
    bob.reads("Good day!").await;
    ann.leave().await;
    bob.leave().await;
    deaf.stop().await;
}
