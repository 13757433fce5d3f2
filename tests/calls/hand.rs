//! A backend's commands to a live call: a real livekit-server, all of `serve`, and a caller who hears the effects.

use std::process::Command;

use livekit::prelude::TrackSource;
use serde_json::{Value, json};
use sidetone_testkit::Endpoint;
use sidetone_testkit::livekit_server::Options;

use super::stage::{BACKEND, Stage};
use super::{until, until_async};
use crate::rooms::person::Person;

/// Two agents: the caller can be handed over between them, and to a person.
async fn stage() -> (Stage, tempfile::TempDir) {
    let agents = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(agents.path().join(name), text).unwrap();
    write("prompt.md", "Be kind.");
    let file = "prompt = \"prompt.md\"\ngreeting = \"Hello there.\"\n\
                [tools.handoff]\nagents = [\"billing\"]\n\
                [tools.transfer]\nring = \"5s\"\nfailed = \"Nobody is free.\"\n\
                [tools.transfer.targets.anna]\nidentity = \"anna\"\nabout = \"Bills\"\n";
    write("default.toml", file);
    write("billing.toml", "prompt = \"prompt.md\"\n");
    let stage = Stage::set_with(Options::default(), agents.path().to_owned()).await;
    (stage, agents)
}

/// Puts Ada into a call whose agent has greeted her; returns its id.
async fn greeted(stage: &Stage) -> (Person, String) {
    let granted = stage.access().obtain().await.unwrap();
    let mut ada = Person::join(&granted.url, &granted.token).await;
    let microphone = ada.publish(TrackSource::Microphone, false).await;
    // The microphone stays on until the call is over.
    std::mem::forget(microphone);
    ada.reads("Hello there.").await;
    ada.sees("listening").await;
    (ada, granted.call_id.unwrap())
}

/// Sends a command to this server, with its own idempotency key.
async fn command(server: &str, call: &str, key: &str, body: Value) -> (u16, Value) {
    let url = format!("{server}/api/voice/calls/{call}/commands");
    let request = reqwest::Client::new().post(url).bearer_auth(BACKEND);
    let request = request.header("idempotency-key", key).json(&body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn questions(stage: &Stage) -> Vec<String> {
    let asked = stage.provider.requests_to(Endpoint::Chat);
    let asked = asked
        .iter()
        .map(|request| request.body["messages"].to_string());
    asked.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_says_instructs_mutes_hands_over_and_ends() {
    let (stage, _agents) = stage().await;
    stage.provider.default_answer("We open at nine.");
    let (ada, call) = greeted(&stage).await;
    let beside = stage.beside().await;
    let (here, there) = (stage.url(), format!("http://{}", beside.address));

    let say = json!({"type": "say", "text": "A colleague listens in."});
    let (status, first) = command(&here, &call, "a1", say.clone()).await;
    assert_eq!(
        (status, &first["done"]),
        (200, &json!("speaking")),
        "{first}"
    );
    ada.reads("A colleague listens in.").await;
    ada.sees("listening").await;
    // The same command again, through the other control plane: the answer is the same, and nothing is said a second
    // time.
    until_async("the other control plane", async || {
        let answer = reqwest::get(format!("{there}/readyz")).await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    assert_eq!(command(&there, &call, "a1", say).await, (200, first));

    let note = json!({"type": "instruct", "text": "The parcel has left."});
    let (status, done) = command(&there, &call, "a2", note).await;
    assert_eq!((status, &done["done"]), (200, &json!("noted")), "{done}");
    ada.writes("When do you open?").await;
    ada.reads("We open at nine.").await;
    ada.sees("listening").await;
    let asked = questions(&stage).pop().unwrap();
    assert!(asked.contains("The parcel has left."), "{asked}");
    assert!(asked.contains("A colleague listens in."), "{asked}");

    let (status, done) = command(&here, &call, "a3", json!({"type": "mute"})).await;
    assert_eq!((status, &done["done"]), (200, &json!("muted")), "{done}");
    ada.sees("idle").await;
    let asked = questions(&stage).len();
    ada.writes("Are you there?").await;
    let hush = json!({"type": "say", "text": "Hush."});
    let (status, problem) = command(&here, &call, "a4", hush).await;
    assert_eq!((status, &problem["title"]), (409, &json!("Agent is muted")));
    let (status, _) = command(&there, &call, "a5", json!({"type": "unmute"})).await;
    assert_eq!(status, 200);
    ada.sees("listening").await;

    let nobody = json!({"type": "handover", "agent": "sales"});
    let (status, problem) = command(&here, &call, "a6", nobody).await;
    assert_eq!(
        (
            status,
            problem["detail"].as_str().unwrap().contains("billing")
        ),
        (409, true)
    );
    let handover = json!({"type": "handover", "agent": "billing", "text": "This is billing."});
    let (status, done) = command(&here, &call, "a7", handover).await;
    assert_eq!(
        (status, &done["done"]),
        (200, &json!("handedOver")),
        "{done}"
    );
    ada.reads("This is billing.").await;
    assert_eq!(
        questions(&stage).len(),
        asked,
        "what a muted agent is written is not answered"
    );

    let end = json!({"type": "end", "text": "We close now."});
    let (status, done) = command(&there, &call, "a8", end).await;
    assert_eq!((status, &done["done"]), (200, &json!("ending")), "{done}");
    ada.reads("We close now.").await;
    until("the agent has left", || ada.agent().is_none().then_some(())).await;
    let words = ada.words();
    assert_eq!(
        words.matches("A colleague listens in.").count(),
        1,
        "{words}"
    );
    ada.leave().await;
    let stored = until_async("the call is over and written down", async || {
        let stored = stage.call_of(&call).await;
        let text = stored["transcript"].as_str().unwrap_or_default();
        (!stored["endedAt"].is_null() && text.contains("We close now.")).then_some(stored)
    })
    .await;
    let text = stored["transcript"].as_str().unwrap();
    assert_eq!(text.matches("A colleague listens in.").count(), 1, "{text}");
    assert!(!text.contains("Are you there?"), "{text}");
    let tools = stored["tools"].to_string();
    for name in [
        "backend.instruct",
        "backend.mute",
        "backend.unmute",
        "handoff",
    ] {
        assert!(tools.contains(name), "{name}: {stored:#}");
    }
    let late = json!({"type": "mute"});
    let (status, problem) = command(&here, &call, "a9", late).await;
    assert_eq!((status, &problem["title"]), (409, &json!("Call is over")));
    beside.close().await;
    stage.strike().await;
}

/// The commands of docs/live-calls.md, one after the other, as written there.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_commands_work_as_written() {
    let (stage, _agents) = stage().await;
    stage.provider.default_answer("What is your postcode?");
    let (ada, call) = greeted(&stage).await;
    let page = include_str!("../../docs/live-calls.md");
    let blocks: Vec<_> = page.split("```bash\n").skip(1).collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    let blocks = blocks
        .into_iter()
        .map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.collect::<Vec<_>>().join("echo\n");
    let folder = tempfile::tempdir().unwrap();
    let mut run = Command::new("bash");
    run.args(["-euc", &lines])
        .current_dir(folder.path())
        .envs([
            ("KEY", BACKEND),
            ("CALL", &call),
            ("SIDETONE", &stage.url()),
        ])
        .env("CURL_HOME", folder.path())
        .env("NO_PROXY", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || run.output());
    let output = output.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let answers = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let done: Vec<_> = answers
        .map(|answer| answer.unwrap()["done"].clone())
        .collect();
    assert_eq!(done.len(), lines.matches("\"type\"").count(), "{text}");
    assert_eq!(
        (&done[0], done.last().unwrap()),
        (&json!("speaking"), &json!("ending"))
    );
    ada.reads("goodbye.").await;
    until("the agent has left", || ada.agent().is_none().then_some(())).await;
    ada.leave().await;
    stage.strike().await;
}
