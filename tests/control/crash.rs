//! kill -9 in the middle of a call: stored turns stay, accepted webhooks are processed, another agent comes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use sidetone::caller::{self};
use sidetone_config::env::Env;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::served;
use crate::support::api::{Api, sign};
use crate::support::{SECRET, eventually, livekit};

const LISTEN: &str = "SIDETONE_TEST_SERVES_AT";
const AGENTS: &str = "SIDETONE_TEST_AGENTS";
const ROOMS: usize = 12;

/// Not a test itself: the process that the test below starts and kills.
#[tokio::test(flavor = "multi_thread")]
async fn served_for_the_crash() {
    let Ok(address) = std::env::var(LISTEN) else {
        return;
    };
    let listener = TcpListener::bind(address).await.unwrap();
    let env = Env::read().unwrap();
    let agents = std::env::var(AGENTS).unwrap_or_else(|_| served::AGENTS.into());
    served::run(env, agents.into(), listener, CancellationToken::new())
        .await
        .unwrap();
}

async fn start(
    address: SocketAddr,
    server: &LiveKitServer,
    provider: &FakeOpenAi,
    data: &Path,
) -> Child {
    start_with(address, served::variables(server, provider, data)).await
}

/// Like [`start`], with these variables and the agents of a folder.
pub async fn start_in(
    agents: &Path,
    address: SocketAddr,
    mut variables: Vec<(&'static str, String)>,
) -> Child {
    variables.push((AGENTS, agents.display().to_string()));
    start_with(address, variables).await
}

async fn start_with(address: SocketAddr, variables: Vec<(&'static str, String)>) -> Child {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "control::crash::served_for_the_crash",
            "--nocapture",
        ])
        .env(LISTEN, address.to_string())
        .envs(variables)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    served::ready(address).await;
    child
}

/// The turns of a call by id: speaker and words.
async fn turns(address: SocketAddr, call: &str) -> BTreeMap<String, (String, String)> {
    let call = served::get(address, &format!("/api/voice/history/{call}"))
        .await
        .unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let turns = call["turns"].as_array().unwrap().iter();
    turns
        .map(|turn| {
            (
                text(&turn["turnId"]),
                (text(&turn["speaker"]), text(&turn["text"])),
            )
        })
        .collect()
}

/// The webhooks of a conference, in its room. The one about Bob's leaving is lost, so he stays until the room closes,
/// at the end of that second: 61 s.
fn story(room: &str) -> [String; 5] {
    let event = |n: i64, name: &str, who: Option<&str>| {
        let participant = who.map(|id| {
            json!({"sid": format!("PA_{room}_{id}"), "identity": id, "joinedAtMs": "1700000002000"})
        });
        json!({"event": name, "id": format!("EV_{room}_{n}"), "createdAt": 1_700_000_000 + n,
            "room": {"sid": format!("RM_{room}"), "name": room, "creationTimeMs": "1700000000500"},
            "participant": participant})
        .to_string()
    };
    [
        event(1, "room_started", None),
        event(2, "participant_joined", Some("ann")),
        event(3, "participant_joined", Some("bob")),
        event(62, "participant_left", Some("ann")),
        event(63, "room_finished", None),
    ]
}

async fn post(address: SocketAddr, path: &str, body: String, signature: Option<String>) -> Value {
    let mut request = reqwest::Client::new()
        .post(format!("http://{address}{path}"))
        .header("content-type", "application/json")
        .body(body);
    if let Some(signature) = signature {
        request = request.header("authorization", signature);
    }
    let response = request.send().await.unwrap().error_for_status().unwrap();
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_at_most_the_turn_in_the_air() {
    let (listener, webhook) = Api::listener().await;
    let address = listener.local_addr().unwrap();
    let server = livekit(Some(webhook)).await;
    drop(listener);
    let provider = FakeOpenAi::start(Timing::default()).await;
    provider.default_transcript("What are your opening hours on Saturday?");
    provider.default_answer("On Saturday we are open from nine to five. On Sunday we are closed.");
    let data = tempfile::tempdir().unwrap();
    let mut process = start(address, &server, &provider, data.path()).await;

    // A call of several turns.
    let plan = served::call(address, None, 9);
    let caller = tokio::spawn(caller::place(plan));
    let call = eventually("a call is under way", 30, || async {
        let history = served::get(address, "/api/voice/history").await.unwrap();
        history["calls"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    eventually(
        "greeting, two questions, an answer, the start of another",
        60,
        || async { (turns(address, &call).await.len() >= 5).then_some(()) },
    )
    .await;

    // Webhooks of other rooms are accepted, and the process is killed right after the last one.
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        let body = json!({"roomType": "conference"}).to_string();
        let token = post(address, "/api/voice/token", body, None).await;
        rooms.push((
            token["roomName"].as_str().unwrap().to_owned(),
            token["callId"].clone(),
        ));
    }
    let before = turns(address, &call).await;
    let events = rooms.iter().flat_map(|(room, _)| story(room)).map(|body| {
        let signature = sign(&body, SECRET);
        post(address, "/api/voice/webhook", body, Some(signature))
    });
    for answer in futures::future::join_all(events).await {
        assert_eq!(answer["received"], true);
    }
    process.kill().await.unwrap();

    let _process = start(address, &server, &provider, data.path()).await;
    // Every turn that was stored is still stored; only the last may have grown since.
    let after = turns(address, &call).await;
    for (id, (speaker, text)) in &before {
        let (kept_speaker, kept) = &after[id];
        assert_eq!(kept_speaker, speaker);
        assert!(
            kept.starts_with(text.as_str()),
            "{id}: {text:?} became {kept:?}"
        );
    }
    // The caller's captions are stored too, except for the turn in progress: each of its questions and the answers to
    // all but the last.
    let count = |speaker: &str| after.values().filter(|(who, _)| who == speaker).count();
    assert!(count("user") >= 2 && count("agent") >= 2, "{after:#?}");
    assert!(
        count("agent") >= count("user"),
        "greeting and answers: {after:#?}"
    );
    // Accepted events are processed, whether or not they were before.
    eventually("the inbox is empty", 30, || async {
        let health = served::get(address, "/api/voice/webhook").await.unwrap();
        (health["waiting"] == 0).then_some(())
    })
    .await;
    for (_, id) in &rooms {
        let path = format!("/api/voice/history/{}", id.as_str().unwrap());
        let call = served::get(address, &path).await.unwrap();
        assert_eq!(
            (&call["status"], &call["durationSeconds"]),
            (&json!("completed"), &json!(61))
        );
    }
    // The caller is not left alone: another agent comes, and its turns are added to those of the first and never
    // overwrite them.
    eventually("another agent speaks", 120, || async {
        (turns(address, &call).await.len() > after.len()).then_some(())
    })
    .await;
    let with_second = turns(address, &call).await;
    for (id, turn) in &after {
        assert_eq!(&with_second[id], turn);
    }
    caller.abort();
}
