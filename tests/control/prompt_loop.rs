//! What changes with an edit, and what comes of a call: agents' files, results and webhooks, with a real
//! livekit-server and whole processes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sidetone::caller::{self, Placed};
use sidetone_config::env::Env;
use sidetone_testkit::{FakeOpenAi, Timing};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{crash, served};
use crate::support::api::Api;
use crate::support::{eventually, livekit};

pub const WEBHOOK_SECRET: &str = "a-secret-of-the-shop-and-of-nobody-else";

/// A caller who asks the question `turns` times.
async fn place(address: SocketAddr, agent: &str, turns: usize) -> Placed {
    caller::place(served::call(address, Some(agent), turns))
        .await
        .unwrap()
}

fn write_agent(folder: &Path, name: &str, greeting: &str, prompt: &str, more: &str) {
    let (toml, markdown) = (format!("{name}.toml"), format!("{name}.md"));
    std::fs::write(folder.join(&markdown), prompt).unwrap();
    let text = format!("prompt = {markdown:?}\ngreeting = {greeting:?}\n{more}");
    std::fs::write(folder.join(toml), text).unwrap();
}

async fn call(address: SocketAddr, placed: &Placed) -> Value {
    let id = placed.report.call_id.as_deref().unwrap();
    let path = format!("/api/voice/history/{id}");
    served::get(address, &path).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_heard_on_the_next_call_and_not_on_the_one_that_runs() {
    let (listener, webhook) = Api::listener().await;
    let address = listener.local_addr().unwrap();
    let server = livekit(Some(webhook)).await;
    let provider = FakeOpenAi::start(Timing::default()).await;
    provider.default_transcript("What are your opening hours on Saturday?");
    // The fake model repeats its system prompt.
    provider.default_answer("{system prompt}");
    let (data, agents) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_agent(agents.path(), "default", "Hello!", "The shop is red.", "");
    let variables = served::variables(&server, &provider, data.path());
    let env = Env::from_lookup(|name| {
        let mut variables = variables.iter();
        let found = variables.find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(served::run(
        env.unwrap(),
        agents.path().into(),
        listener,
        stop.clone(),
    ));
    served::ready(address).await;

    // The files change between the first answer and the second.
    let running = tokio::spawn(place(address, "default", 2));
    provider
        .until(|requests| {
            let mut messages = requests.iter().map(|request| &request.body["messages"]);
            messages.any(|messages| messages.to_string().contains("red"))
        })
        .await;
    write_agent(
        agents.path(),
        "default",
        "Good day!",
        "The shop is blue.",
        "",
    );
    // An agent that did not exist when the process started can be requested, too.
    write_agent(
        agents.path(),
        "night",
        "Good evening!",
        "The shop is dark.",
        "",
    );
    let token = || async {
        let body = json!({"roomType": "conference", "agent": "night"});
        let client = reqwest::Client::new();
        let request = client.post(format!("http://{address}/api/voice/token"));
        let answer = request.json(&body).send().await.unwrap();
        answer.status().is_success().then_some(())
    };
    eventually("the new agent is offered", 10, token).await;
    let next = place(address, "default", 1).await;
    let night = place(address, "night", 1).await;
    let running = running.await.unwrap();

    let said = |placed: &Placed| placed.report.agent_text();
    let old = said(&running);
    assert!(old.starts_with("Hello!") && !old.contains("blue"), "{old}");
    assert_eq!(old.matches("red").count(), 2, "both answers: {old}");
    let new = said(&next);
    assert!(
        new.starts_with("Good day!") && new.contains("blue"),
        "{new}"
    );
    assert!(said(&night).contains("dark"), "{}", said(&night));
    // Each call records which version it ran.
    let (old, new) = (call(address, &running).await, call(address, &next).await);
    assert!(old["agentVersion"].is_string());
    assert_ne!(old["agentVersion"], new["agentVersion"]);
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// A product's server, which keeps the webhooks it received.
#[derive(Clone, Default)]
pub struct Receiver {
    posts: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    /// Whether it accepts posts.
    pub takes: Arc<std::sync::atomic::AtomicBool>,
}

impl Receiver {
    /// Starts it; returns its address.
    pub async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/calls", listener.local_addr().unwrap());
        let this = self.clone();
        let take = async move |headers: HeaderMap, body: String| {
            this.posts.lock().unwrap().push((headers, body));
            match this.takes.load(std::sync::atomic::Ordering::SeqCst) {
                true => StatusCode::NO_CONTENT,
                false => StatusCode::SERVICE_UNAVAILABLE,
            }
        };
        let router = Router::new().route("/calls", post(take));
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        url
    }

    /// The posts so far, with verified signatures: ids and bodies.
    pub fn posts(&self) -> Vec<(String, Value)> {
        let posts = self.posts.lock().unwrap();
        let read = |(headers, body): &(HeaderMap, String)| {
            let text = |name: &str| headers[name].to_str().unwrap().to_owned();
            let (id, at) = (text("webhook-id"), text("webhook-timestamp"));
            let signature = text("webhook-signature");
            let tag = STANDARD
                .decode(signature.strip_prefix("v1,").unwrap())
                .unwrap();
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes());
            ring::hmac::verify(&key, format!("{id}.{at}.{body}").as_bytes(), &tag).unwrap();
            (id, serde_json::from_str(body).unwrap())
        };
        posts.iter().map(read).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calls_result_is_delivered_even_after_a_crash() {
    let (listener, webhook) = Api::listener().await;
    let address = listener.local_addr().unwrap();
    let server = livekit(Some(webhook)).await;
    drop(listener);
    let provider = FakeOpenAi::start(Timing::default()).await;
    provider.default_transcript("What are your opening hours on Saturday?");
    provider.default_answer("On Saturday we open at nine.");
    let (data, agents) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let wanted = "[result]\nintents = [\"opening hours\", \"other\"]\n\
                  fields = { type = \"object\", required = [\"day\"], \
                  properties = { day = { type = \"string\" } } }\n";
    write_agent(agents.path(), "default", "Hello!", "Be kind.", wanted);
    let receiver = Receiver::default();
    let mut variables = served::variables(&server, &provider, data.path());
    variables.push(("SIDETONE_CALL_WEBHOOK_URL", receiver.start().await));
    variables.push(("SIDETONE_CALL_WEBHOOK_SECRET", WEBHOOK_SECRET.into()));
    let mut process = crash::start_in(agents.path(), address, variables.clone()).await;

    let result = json!({"summary": "Ada asked for the opening hours.", "intent": "opening hours",
        "resolved": true, "fields": {"day": "Saturday"}});
    // In a code block, as many models write it.
    provider.answer_to("JSON Schema", format!("```json\n{result}\n```").as_str());
    let placed = place(address, "default", 1).await;
    let call_id = placed.report.call_id.clone().unwrap();
    // The product's server fails at the first post; then our process is killed.
    eventually("a first post", 60, || async {
        (!receiver.posts().is_empty()).then_some(())
    })
    .await;
    process.kill().await.unwrap();
    let before = receiver.posts().len();
    receiver
        .takes
        .store(true, std::sync::atomic::Ordering::SeqCst);

    let _process = crash::start_in(agents.path(), address, variables).await;
    eventually("another post", 100, || async {
        (receiver.posts().len() > before).then_some(())
    })
    .await;
    let posts = receiver.posts();
    let (id, told) = posts.last().unwrap();
    assert!(
        posts.iter().all(|(first, _)| first == id),
        "one id: {posts:?}"
    );
    assert_eq!(told["type"], "call.ended");
    assert_eq!(told["call"]["id"], call_id.as_str());
    assert_eq!(told["call"]["status"], "completed");
    assert!(told["call"]["transcript"].to_string().contains("Saturday"));
    assert_eq!(told["result"], result, "{told:#}");
    eventually("it is known to be delivered", 10, || async {
        let stored = call(address, &placed).await;
        (stored["webhook"] == "delivered" && stored["result"] == result).then_some(())
    })
    .await;
    // In the model's requests, the transcript contains what was said and heard.
    let requests = provider.requests().into_iter().rev();
    let mut chats = requests.filter(|request| request.body["messages"].is_array());
    let asked = chats.next().unwrap().body["messages"][1]["content"].to_string();
    assert!(
        asked.contains("caller: What are") && asked.contains("agent: On Saturday"),
        "{asked}"
    );
}
