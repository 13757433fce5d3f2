//! The events of one call, as server-sent events.

use serde_json::{Value, json};
use sidetone_store::tools::ToolCall;
use sidetone_store::{CallType, Fact, Json, Speaker, StoredTurn};
use sidetone_testkit::BufferingProxy;
use uuid::Uuid;

use super::{CALLS, new_call};
use crate::support::api::{Api, Setup, user};

/// An open stream of events.
struct Stream {
    response: reqwest::Response,
    unread: String,
}

impl Stream {
    async fn open(api: &Api, url: String) -> Self {
        let asked = api.client.get(url).bearer_auth("key-history").send();
        let response = asked.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(
            response.headers()["cache-control"],
            "no-cache, no-transform"
        );
        Self {
            response,
            unread: String::new(),
        }
    }

    /// The next event; `None` when the server has ended the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let line = |name| event.lines().find_map(|line| line.strip_prefix(name));
                let found = line("event: ").zip(line("data: "));
                let found = found.map(|(name, data)| (name.to_owned(), data.to_owned()));
                self.unread = rest.to_owned();
                match found {
                    Some((name, data)) => {
                        return Some((name, serde_json::from_str(&data).unwrap()));
                    }
                    // A comment, which keeps the connection alive.
                    None => continue,
                }
            }
            let patience = std::time::Duration::from_secs(60);
            let chunk = tokio::time::timeout(patience, self.response.chunk()).await;
            let chunk = chunk.expect("an event within a minute").unwrap()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn turn(text: &str, unfinished: bool) -> StoredTurn {
    StoredTurn {
        turn_id: "a1".into(),
        speaker: Speaker::Agent,
        person: None,
        name: None,
        text: text.into(),
        started_at: sidetone_store::now(),
        ended_at: None,
        interrupted: false,
        unfinished,
        unasked: false,
        latency_ms: None,
        metrics: Json(Value::Null),
    }
}

#[tokio::test]
async fn a_calls_events_come_through_a_proxy_that_buffers() {
    let api = Api::start(Setup::default()).await;
    let proxy = BufferingProxy::before(api.address).await.unwrap();
    let call = new_call(&api.store, "ann", CallType::Support, "support-told").await;
    let path = format!("{CALLS}/{call}/events");
    assert!(api.store.save_turn(call, &turn("Hel", true)).await.unwrap());
    let mut stream = Stream::open(&api, format!("http://{}{path}", proxy.address)).await;
    assert!(
        api.store
            .save_turn(call, &turn("Hello.", false))
            .await
            .unwrap()
    );
    let (name, told) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), &told["text"]), ("turn", &json!("Hello.")));
    assert_eq!(
        (&told["turnId"], &told["speaker"]),
        (&json!("a1"), &json!("agent"))
    );
    let run = ToolCall {
        agent: "default".into(),
        name: "look".into(),
        arguments: Json(json!({"day": "Friday"})),
        ok: true,
        running: false,
        result: "free".into(),
        started_at: sidetone_store::now(),
        duration_ms: 12,
    };
    api.store.save_tool_call(call, "t1", &run).await.unwrap();
    let (name, told) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), &told["name"]), ("tool", &json!("look")));
    assert_eq!(
        (&told["durationMs"], &told["ok"]),
        (&json!(12), &json!(true))
    );
    let finished = [Fact::RoomFinished(sidetone_store::now())];
    api.store.observe(call, None, &finished).await.unwrap();
    let (name, told) = stream.next().await.unwrap();
    assert_eq!(name, "ended");
    assert!(
        told["at"].is_string() && told["status"].is_string(),
        "{told}"
    );
    assert_eq!(stream.next().await, None, "the call's end is the stream's");

    // A late subscriber receives all events.
    let mut late = Stream::open(&api, api.url(&path)).await;
    let mut names = Vec::new();
    while let Some((name, _)) = late.next().await {
        names.push(name);
    }
    assert_eq!(names, ["turn", "tool", "ended"]);
    let unknown = format!("{CALLS}/{}/events", Uuid::new_v4());
    assert_eq!(api.get(&unknown, "key-history").await.0, 404);
    assert_eq!(api.get(&path, &user("ann", false)).await.0, 403);
    api.stop().await;
}
