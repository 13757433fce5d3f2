//! An agent that takes over the call of a killed one continues it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use livekit::prelude::TrackSource;
use serde_json::{Value, json};
use sidetone_base::audio::wav;
use sidetone_config::env::Database;
use sidetone_store::Store;
use sidetone_testkit::fake_openai::Answer;
use sidetone_testkit::{Endpoint, FakeOpenAi, LiveKitServer, Timing};
use tokio::net::TcpListener;
use tokio::process::Child;

use super::{crash, served};
use crate::rooms::person::Person;
use crate::support::api::Api;
use crate::support::{eventually, livekit};

const GREETING: &str = "Good morning!";
const CUT_OFF: &str = "Sorry, we were cut off for a moment.";

/// A process that is killed and restarted, and a caller whose agent has greeted.
struct House {
    address: SocketAddr,
    server: LiveKitServer,
    provider: FakeOpenAi,
    agents: tempfile::TempDir,
    data: tempfile::TempDir,
    process: Child,
    ada: Person,
    call: String,
}

impl House {
    /// `tools` is part of the agent's file.
    async fn with(tools: &str) -> Self {
        let (listener, webhook) = Api::listener().await;
        let address = listener.local_addr().unwrap();
        let server = livekit(Some(webhook)).await;
        drop(listener);
        let provider = FakeOpenAi::start(Timing::default()).await;
        let (agents, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = format!("prompt = \"prompt.md\"\ngreeting = \"{GREETING}\"\n{tools}");
        std::fs::write(agents.path().join("default.toml"), file).unwrap();
        std::fs::write(agents.path().join("prompt.md"), "Be kind.").unwrap();
        let process = start(address, &server, &provider, agents.path(), data.path()).await;
        let token = served::token(address, "Ada").await;
        let text = |name: &str| token[name].as_str().unwrap();
        let ada = Person::join(text("livekitHost"), text("token")).await;
        let call = token["callId"].as_str().unwrap().to_owned();
        let house = Self {
            address,
            server,
            provider,
            agents,
            data,
            process,
            ada,
            call,
        };
        eventually("the agent has greeted", 30, || async {
            let turns = house.turns().await;
            let first = turns.first()?;
            (first["text"] == GREETING && first["unfinished"] == false).then_some(())
        })
        .await;
        house
    }

    async fn history(&self) -> Value {
        let path = format!("/api/voice/history/{}", self.call);
        served::get(self.address, &path).await.unwrap()
    }

    async fn turns(&self) -> Vec<Value> {
        self.history().await["turns"].as_array().unwrap().clone()
    }

    /// Kills the process with kill -9 and starts another in its place.
    async fn is_replaced(&mut self) {
        self.process.kill().await.unwrap();
        let (agents, data) = (self.agents.path(), self.data.path());
        self.process = start(self.address, &self.server, &self.provider, agents, data).await;
    }

    /// The messages of the last request to the model.
    fn asked(&self) -> Vec<Value> {
        let asked = self.provider.requests_to(Endpoint::Chat).pop().unwrap();
        asked.body["messages"].as_array().unwrap().clone()
    }

    /// The turns, once the last one contains this text and is over.
    async fn until_said(&self, text: &str) -> Vec<Value> {
        eventually(text, 120, || async {
            let turns = self.turns().await;
            let last = turns.last()?;
            (last["text"] == text && last["unfinished"] == false).then_some(turns)
        })
        .await
    }
}

async fn start(
    address: SocketAddr,
    server: &LiveKitServer,
    provider: &FakeOpenAi,
    agents: &Path,
    data: &Path,
) -> Child {
    crash::start_in(agents, address, served::variables(server, provider, data)).await
}

fn texts(turns: &[Value]) -> Vec<&str> {
    let texts = turns.iter().filter_map(|turn| turn["text"].as_str());
    texts.collect()
}

fn content(message: &Value) -> &str {
    message["content"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owed_answer_is_given_and_a_tool_that_may_have_run_is_reported() {
    // A server that accepts the request and never answers.
    let desk = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/book", desk.local_addr().unwrap());
    let tools = format!(
        "filler = \"\"\n[tools.book]\ndescription = \"Books a table.\"\nurl = \"{url}\"\n\
         method = \"POST\"\nallow_private = true\ntimeout = \"60s\"\n"
    );
    let mut house = House::with(&tools).await;
    let books = Answer::tool_call("call_1", "book", &json!({}));
    house.provider.script_answer(books);
    let answer = "I do not know yet whether it is booked.";
    house.provider.default_answer(answer);
    house.ada.writes("A table for two, please.").await;
    let request = tokio::time::timeout(Duration::from_secs(30), desk.accept());
    let _connection = request.await.unwrap().unwrap();
    house.is_replaced().await;

    let turns = house.until_said(answer).await;
    assert_eq!(
        texts(&turns),
        [GREETING, "A table for two, please.", CUT_OFF, answer]
    );
    let asked = house.asked();
    let roles: Vec<_> = asked
        .iter()
        .filter_map(|message| message["role"].as_str())
        .collect();
    assert_eq!(
        roles,
        [
            "system",
            "assistant",
            "user",
            "assistant",
            "tool",
            "assistant",
            "user"
        ],
        "{asked:#?}"
    );
    assert_eq!(content(&asked[2]), "A table for two, please.");
    assert_eq!(asked[3]["tool_calls"][0]["function"]["name"], "book");
    assert!(content(&asked[4]).starts_with("it is not known whether this was done"));
    // The tool is not called again.
    let again = tokio::time::timeout(Duration::from_millis(500), desk.accept()).await;
    assert!(again.is_err(), "the tool ran twice");
    let tool = &house.history().await["tools"][0];
    assert_eq!(
        (&tool["name"], &tool["ok"]),
        (&json!("book"), &json!(false))
    );
    assert!(tool["state"] == "running" || tool["state"] == "unknown");
    house.ada.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_answer_is_continued() {
    let mut house = House::with("").await;
    let begins = "On Saturday we are open from nine in the morning.";
    let long = format!(
        "{begins} {}",
        "On other days it is not so, as you may know. ".repeat(9)
    );
    house.provider.script_answer(long.as_str());
    let rest = "And on Sunday we are closed.";
    house.provider.default_answer(rest);
    house.ada.writes("When are you open?").await;
    eventually("a sentence is heard", 60, || async {
        let turns = house.turns().await;
        let last = turns.last()?;
        let heard = last["text"].as_str()?.starts_with(begins);
        (heard && last["unfinished"] == true).then_some(())
    })
    .await;
    house.is_replaced().await;

    let turns = house.until_said(rest).await;
    let said = texts(&turns);
    assert_eq!(said[..2], [GREETING, "When are you open?"]);
    assert!(said[2].starts_with(begins) && long.starts_with(said[2]));
    assert_eq!(turns[2]["unfinished"], true, "it stays as it was");
    assert_eq!(said[3..], [CUT_OFF, rest]);
    let asked = house.asked();
    let (last, before) = (asked.last().unwrap(), &asked[asked.len() - 2]);
    assert!(
        content(last).starts_with("(The line broke off"),
        "{asked:#?}"
    );
    assert!(content(before).starts_with(said[2]), "{asked:#?}");
    house.ada.leave().await;
}

/// The caller's turn is not over when the agent is lost: no agent has heard a question.
#[tokio::test(flavor = "multi_thread")]
async fn words_in_progress_are_answered() {
    let patient = "[endpointing]\nmin_delay = \"10s\"\nmax_delay = \"30s\"\n";
    let mut house = House::with(patient).await;
    let said = "I would like a table for two and";
    house.provider.default_transcript(said);
    let answer = "For which day?";
    house.provider.default_answer(answer);
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/audio/caller-opening-hours.wav"
    );
    let voice = wav::read(Path::new(file)).unwrap();
    let microphone = house.ada.publish(TrackSource::Microphone, false).await;
    microphone.say(&voice).await;
    let database = Database::Sqlite(house.data.path().join("sidetone.db"));
    let store = Store::open(&database).await.unwrap();
    let call = house.call.parse().unwrap();
    eventually("the words so far", 9, || async {
        let saying = store.saying(call).await.unwrap()?;
        (saying.text == said).then_some(())
    })
    .await;
    assert_eq!(house.turns().await.len(), 1, "it is no turn yet");
    house.is_replaced().await;

    let turns = house.until_said(answer).await;
    assert_eq!(texts(&turns), [GREETING, said, CUT_OFF, answer]);
    assert_eq!(store.saying(call).await.unwrap(), None);
    store.close().await;
    house.ada.leave().await;
}
