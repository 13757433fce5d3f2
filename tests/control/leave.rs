//! How agents leave in the middle of a sentence: at the control plane's request, or with their process (at LiveKit's
//! request: tests/rooms.rs and scenario 82). Each time what was said is stored as it was heard, the job has succeeded,
//! and the call gets its result.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use livekit::prelude::{ConnectionState, RoomEvent};
use serde_json::{Value, json};
use sidetone_config::env::{Database, Env};
use sidetone_store::{CallType, NewCall, Speaker, Store, StoredTurn};
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::served;
use crate::rooms::binary::Served;
use crate::rooms::person::{self, Person};
use crate::support::api::Api;
use crate::support::{eventually, livekit};

/// Four seconds of the fake provider's speech.
const SENTENCE: &str = "We are open from nine to six, and I will look at your order right away.";

fn result() -> Value {
    json!({"summary": "Nothing came of it.", "intent": "other", "resolved": false, "fields": {}})
}

/// Writes an agent with this greeting that produces a result.
fn write_agent(folder: &Path, greeting: &str) {
    let file = format!("prompt = \"prompt.md\"\ngreeting = \"{greeting}\"\n[result]\n");
    std::fs::write(folder.join("default.toml"), file).unwrap();
    std::fs::write(folder.join("prompt.md"), "Be kind.").unwrap();
}

/// A provider whose results take longer than LiveKit waits for an agent that it has told to leave. The greeting does
/// not come from its model.
async fn provider() -> FakeOpenAi {
    let slow = Timing {
        first_token: Duration::from_secs(4),
        ..Timing::default()
    };
    let provider = FakeOpenAi::start(slow).await;
    provider.answer_to("JSON Schema", result().to_string().as_str());
    provider
}

/// `serve` with an agent that is greeting somebody.
struct Greeting {
    livekit: LiveKitServer,
    _provider: FakeOpenAi,
    data: tempfile::TempDir,
    _agents: tempfile::TempDir,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
    ada: Person,
    call_id: Uuid,
    room: String,
}

/// Requests a call, joins it, and waits until the agent speaks.
async fn greeted(address: SocketAddr) -> (Person, Uuid, String) {
    let token = served::token(address, "Ada").await;
    let text = |name: &str| token[name].as_str().unwrap().to_owned();
    let ada = Person::join(&text("livekitHost"), &text("token")).await;
    ada.sees("speaking").await;
    // A few words of it are heard.
    ada.reads("We are").await;
    (ada, text("callId").parse().unwrap(), text("roomName"))
}

impl Greeting {
    async fn begins(greeting: &str, more: &[(&'static str, &str)]) -> Self {
        let (listener, webhook) = Api::listener().await;
        let address = listener.local_addr().unwrap();
        let livekit = livekit(Some(webhook)).await;
        let provider = provider().await;
        let (data, agents) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_agent(agents.path(), greeting);
        let mut variables = served::variables(&livekit, &provider, data.path());
        variables.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let env = Env::from_lookup(|name| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| value.clone())
        });
        let stop = CancellationToken::new();
        let folder = agents.path().to_owned();
        let serving = tokio::spawn(served::run(env.unwrap(), folder, listener, stop.clone()));
        served::ready(address).await;
        let (ada, call_id, room) = greeted(address).await;
        Self {
            livekit,
            _provider: provider,
            data,
            _agents: agents,
            address,
            stop,
            serving,
            ada,
            call_id,
            room,
        }
    }

    async fn call(&self) -> Value {
        let path = format!("/api/voice/history/{}", self.call_id);
        served::get(self.address, &path).await.unwrap()
    }

    async fn agent_is_gone(&self, secs: u64) {
        eventually("the agent is gone", secs, || async {
            self.ada.agent().is_none().then_some(())
        })
        .await;
    }

    /// The call once its result is there.
    async fn with_result(&self) -> Value {
        eventually("the result", 30, || async {
            Some(self.call().await).filter(|call| !call["result"].is_null())
        })
        .await
    }

    async fn ends(self) {
        self.ada.leave().await;
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// LiveKit's log line about the end of the only job.
async fn job_end(livekit: &LiveKitServer) -> String {
    eventually("the job's end in the server's log", 20, || async {
        let log = livekit.log();
        let line = log.lines().find(|line| line.contains("job ended"));
        line.map(str::to_owned)
    })
    .await
}

/// The only turn of a call, and whether it was cut short.
fn turn(call: &Value) -> (&str, bool) {
    let turns = call["turns"].as_array().unwrap();
    assert_eq!(turns.len(), 1, "{call:#}");
    (
        turns[0]["text"].as_str().unwrap(),
        turns[0]["interrupted"].as_bool().unwrap(),
    )
}

async fn delete_agent(address: SocketAddr, room: &str) {
    let request = reqwest::Client::new().delete(format!("http://{address}/api/voice/agent/{room}"));
    assert_eq!(request.send().await.unwrap().status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_asked_to_leave_finishes_its_sentence() {
    let greeting = Greeting::begins(SENTENCE, &[]).await;
    delete_agent(greeting.address, &greeting.room).await;
    greeting.agent_is_gone(20).await;
    let call = greeting.with_result().await;
    assert_eq!(turn(&call), (SENTENCE, false), "{call:#}");
    assert_eq!(call["result"], result());
    let end = job_end(&greeting.livekit).await;
    assert!(end.contains("JS_SUCCESS"), "{end}");
    assert!(!greeting.livekit.log().contains("did not disconnect"));
    greeting.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_speech_that_takes_longer_than_leaving_may_is_cut_and_stored_as_heard() {
    let speech = [SENTENCE; 8].join(" ");
    let greeting = Greeting::begins(&speech, &[]).await;
    delete_agent(greeting.address, &greeting.room).await;
    greeting.agent_is_gone(30).await;
    let call = greeting.with_result().await;
    let (heard, interrupted) = turn(&call);
    assert!(interrupted, "{call:#}");
    // More than LiveKit's three seconds of it, but not all.
    assert!(
        heard.starts_with(SENTENCE) && speech.starts_with(heard),
        "{heard}"
    );
    assert!(heard.len() < speech.len(), "{heard}");
    assert_eq!(call["result"], result());
    let end = job_end(&greeting.livekit).await;
    assert!(end.contains("JS_SUCCESS"), "{end}");
    greeting.ends().await;
}

/// Reads the call from the database of a process that has ended.
async fn stored(data: &Path, call_id: Uuid) -> (Vec<(String, bool)>, Option<Value>) {
    let store = Store::open(&Database::Sqlite(data.join("sidetone.db")))
        .await
        .unwrap();
    let turns = store.turns(call_id).await.unwrap();
    let made = store.result(call_id).await.unwrap();
    store.close().await;
    (
        turns
            .into_iter()
            .map(|turn| (turn.text, turn.interrupted))
            .collect(),
        made.and_then(|made| made.result).map(|result| result.0),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_calls_with_their_sentence_and_their_result() {
    let greeting = Greeting::begins(SENTENCE, &[("SIDETONE_DRAIN_SECONDS", "0")]).await;
    greeting.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(60), greeting.serving).await;
    ended.expect("the process ends").unwrap().unwrap();
    let (turns, made) = stored(greeting.data.path(), greeting.call_id).await;
    assert_eq!(turns, [(SENTENCE.to_owned(), false)]);
    assert_eq!(made, Some(result()), "made before the process ended");
    let end = job_end(&greeting.livekit).await;
    assert!(end.contains("JS_SUCCESS"), "{end}");
    greeting.ada.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_calls_and_not_the_process() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let agents = tempfile::tempdir().unwrap();
    write_agent(agents.path(), SENTENCE);
    let mut served = Served::start_in(agents.path(), &livekit, &provider, &[]).await;
    let (ada, call_id, _) = greeted(served.address).await;
    served.terminate();
    eventually("it says how long it needs", 10, || async {
        let log = served.log();
        log.contains("600 s, and the process ends within 660 s")
            .then_some(())
    })
    .await;
    served.terminate();
    let ended = tokio::time::timeout(Duration::from_secs(60), served.child.wait()).await;
    let status = ended.expect("the process ends").unwrap();
    assert!(status.success(), "{status}: {}", served.log());
    let (turns, made) = stored(served.data.path(), call_id).await;
    assert_eq!(turns, [(SENTENCE.to_owned(), false)]);
    assert_eq!(made, Some(result()));
    let end = job_end(&livekit).await;
    assert!(end.contains("JS_SUCCESS"), "{end}");
    ada.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_a_dead_process_owes_is_made_by_another() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let (data, agents) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_agent(agents.path(), SENTENCE);
    // The state left by a process that was killed while its model was writing the result.
    let id = Uuid::now_v7();
    let database = Database::Sqlite(data.path().join("sidetone.db"));
    let store = Store::open(&database).await.unwrap();
    let now = sidetone_store::now();
    let call = NewCall {
        id,
        room_name: format!("support-{id}"),
        caller_id: "ann".into(),
        callee_id: None,
        call_type: CallType::Support,
        metadata: json!({}),
        created_at: now,
    };
    store.create_call(&call).await.unwrap();
    let question = StoredTurn {
        turn_id: "one".into(),
        speaker: Speaker::User,
        person: None,
        name: None,
        text: "When do you open?".into(),
        started_at: now,
        ended_at: Some(now),
        interrupted: false,
        latency_ms: None,
        metrics: sidetone_store::Json(Value::Null),
        unfinished: false,
        unasked: false,
    };
    store.save_turn(id, &question).await.unwrap();
    store.owe_result(id, "default", now, now).await.unwrap();
    store.close().await;

    let variables = served::variables(&livekit, &provider, data.path());
    let env = Env::from_lookup(|name| {
        let known = variables.iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| value.clone())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let folder = agents.path().to_owned();
    let serving = tokio::spawn(served::run(env.unwrap(), folder, listener, stop.clone()));
    served::ready(address).await;
    let path = format!("/api/voice/history/{id}");
    let call = eventually("the result", 30, || async {
        let call = served::get(address, &path).await.unwrap();
        Some(call).filter(|call| !call["result"].is_null())
    })
    .await;
    assert_eq!(call["result"], result());
    let asked = provider.requests().pop().unwrap().body["messages"][1]["content"].to_string();
    assert!(asked.contains("caller: When do you open?"), "{asked}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// `serve` with an agent that greets a participant of this kind, who does not join by a page.
async fn on_a_line(
    livekit: &LiveKitServer,
    provider: &FakeOpenAi,
    kind: &str,
    lines: &str,
    more: &[(&str, &str)],
) -> (Served, Person, tempfile::TempDir) {
    let agents = tempfile::tempdir().unwrap();
    let file = format!("prompt = \"prompt.md\"\ngreeting = \"Hello!\"\n{lines}");
    std::fs::write(agents.path().join("default.toml"), file).unwrap();
    std::fs::write(agents.path().join("prompt.md"), "Be kind.").unwrap();
    let served = Served::start_in(agents.path(), livekit, provider, more).await;
    let token = served::token(served.address, "Ada").await;
    let room = token["roomName"].as_str().unwrap();
    let line = person::token_of(livekit, room, "sip_1", kind);
    let caller = Person::join(&livekit.url, &line).await;
    (served, caller, agents)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_hung_up_when_the_agent_has_said_goodbye() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let lines = "[limits]\nmax_duration = \"5s\"\n[silence]\ngoodbye = \"Our time is up.\"\n";
    for kind in ["sip", "connector"] {
        let (served, caller, _agents) = on_a_line(&livekit, &provider, kind, lines, &[]).await;
        caller.is_hung_up_on().await;
        assert_eq!(served.end_of_call().await, "max_duration");
        caller.leave().await;
    }
}

/// LiveKit's own components show an agent that leaves as one that failed. Several people have each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_is_alone_with_the_agent_is_hung_up_on_after_the_goodbye() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let lines = "[limits]\nmax_duration = \"5s\"\n[silence]\ngoodbye = \"Our time is up.\"\n";
    let (served, caller, _agents) = on_a_line(&livekit, &provider, "standard", lines, &[]).await;
    let mut events = caller.room.subscribe();
    let reason = loop {
        match events.recv().await.unwrap() {
            RoomEvent::ParticipantDisconnected(_) => panic!("the agent has left before"),
            RoomEvent::Disconnected { reason } => break reason,
            _ => {}
        }
    };
    assert_eq!(reason.as_str_name(), "PARTICIPANT_REMOVED");
    assert_eq!(served.end_of_call().await, "max_duration");
    caller.leave().await;
    // Its worker would take half of the next one's jobs.
    drop(served);

    let (served, caller, _agents) = on_a_line(&livekit, &provider, "standard", lines, &[]).await;
    let token = person::token_of(&livekit, &caller.room.name(), "bob", "standard");
    let other = Person::join(&livekit.url, &token).await;
    caller.reads("Our time is up.").await;
    eventually("the agent has left", 30, || async {
        caller.agent().is_none().then_some(())
    })
    .await;
    assert_eq!(served.end_of_call().await, "max_duration");
    for person in [&caller, &other] {
        assert_eq!(person.room.connection_state(), ConnectionState::Connected);
    }
    caller.leave().await;
    other.leave().await;
}

/// No other agent joins a call that was ended by a drain.
#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_is_hung_up_at_the_end_of_a_drain() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let drain = [("SIDETONE_DRAIN_SECONDS", "0")];
    let (mut served, caller, _agents) = on_a_line(&livekit, &provider, "sip", "", &drain).await;
    caller.reads("Hello!").await;
    served.terminate();
    caller.is_hung_up_on().await;
    let ended = tokio::time::timeout(Duration::from_secs(60), served.child.wait()).await;
    assert!(ended.expect("the process ends").unwrap().success());
    caller.leave().await;
}

/// Nobody else is asked for, so the line would stay open; unless another agent is asked for in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_whose_agent_is_sent_away_is_hung_up_unless_another_follows() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let (served, caller, _agents) = on_a_line(&livekit, &provider, "sip", "", &[]).await;
    caller.reads("Hello!").await;
    let room = caller.room.name();
    let first = caller.agent().unwrap().identity();
    delete_agent(served.address, &room).await;
    let asked = reqwest::Client::new()
        .post(format!("http://{}/api/voice/agent", served.address))
        .json(&json!({"roomName": room}));
    assert_eq!(asked.send().await.unwrap().status(), 200);
    eventually("another agent", 30, || async {
        let agent = caller.agent()?;
        (agent.identity() != first).then_some(())
    })
    .await;
    // Longer than nobody is waited for.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(caller.agent().is_some(), "it has a caller");
    delete_agent(served.address, &room).await;
    caller.is_hung_up_on().await;
    caller.leave().await;
}
