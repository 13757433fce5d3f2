//! The list of live calls, as server-sent events.

use std::time::Duration;

use serde_json::Value;
use sidetone_control_plane::http::HttpConfig;
use sidetone_store::{CallType, Fact, Speaker, StoredTurn};
use sidetone_testkit::BufferingProxy;
use tokio_util::sync::CancellationToken;

use super::{LIVE, new_call};
use crate::support::api::{Api, Setup, checked};
use crate::support::eventually;

/// The next event; `None` when the server has ended the stream.
async fn event(response: &mut reqwest::Response) -> Option<Value> {
    let mut text = String::new();
    let deadline = Duration::from_secs(30);
    loop {
        let chunk = tokio::time::timeout(deadline, response.chunk()).await;
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()?).unwrap());
        // Comments between events keep the connection alive.
        let data = text.lines().find_map(|line| line.strip_prefix("data: "));
        if let Some(data) = data
            && text.ends_with("\n\n")
        {
            assert!(text.contains("event: live\n"), "{text}");
            return Some(serde_json::from_str(data).unwrap());
        }
    }
}

#[tokio::test]
async fn calls_are_told_as_they_begin_have_turns_and_end() {
    let closing = CancellationToken::new();
    let http = HttpConfig {
        closing: closing.clone(),
        ..Setup::default().http
    };
    let api = Api::start(Setup {
        http,
        ..Default::default()
    })
    .await;
    let request = api.client.get(api.url(LIVE)).bearer_auth("key-history");
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(
        event(&mut stream).await.unwrap()["calls"],
        Value::Array(vec![])
    );

    let id = new_call(&api.store, "ann", CallType::Support, "support-live").await;
    let calls = event(&mut stream).await.unwrap();
    assert_eq!(calls["calls"][0]["id"], id.to_string());
    assert_eq!(calls["calls"][0]["turns"], 0);

    let turn = StoredTurn {
        turn_id: "c1".into(),
        speaker: Speaker::User,
        person: None,
        name: None,
        text: "Hello".into(),
        started_at: sidetone_store::now(),
        ended_at: None,
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms: None,
        metrics: sidetone_store::Json(Value::Null),
    };
    assert!(api.store.save_turn(id, &turn).await.unwrap());
    assert_eq!(event(&mut stream).await.unwrap()["calls"][0]["turns"], 1);

    let finished = [Fact::RoomFinished(sidetone_store::now())];
    api.store.observe(id, None, &finished).await.unwrap();
    assert_eq!(
        event(&mut stream).await.unwrap()["calls"],
        Value::Array(vec![])
    );

    // When the server ends, so does the stream.
    closing.cancel();
    assert_eq!(event(&mut stream).await, None);
    api.stop().await;
}

#[tokio::test]
async fn events_pass_a_proxy_that_buffers_and_a_silent_stream_is_kept_alive() {
    let api = Api::start(Setup::default()).await;
    let proxy = BufferingProxy::before(api.address).await.unwrap();
    let url = format!("http://{}{LIVE}", proxy.address);
    let asked = api.client.get(url).bearer_auth("key-history").send();
    let mut stream = asked.await.unwrap();
    assert_eq!(stream.headers()["cache-control"], "no-cache, no-transform");
    assert!(!stream.headers().contains_key("content-encoding"));
    assert!(event(&mut stream).await.is_some());
    new_call(&api.store, "ann", CallType::Support, "support-proxied").await;
    assert!(event(&mut stream).await.is_some());
    let heartbeat = tokio::time::timeout(Duration::from_secs(15), stream.chunk()).await;
    assert_eq!(heartbeat.unwrap().unwrap().unwrap(), ":\n\n");
    drop(stream);
    api.stop().await;
}

#[tokio::test]
async fn one_user_has_so_many_streams_and_no_more() {
    let api = Api::start(Setup::default()).await;
    let open = async |key: &str| {
        let asked = api.client.get(api.url(LIVE)).bearer_auth(key);
        asked.send().await.unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..10 {
        let stream = open("key-history").await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let (status, body) = checked(open("key-history").await).await;
    assert_eq!((status, &body["title"]), (429, &"Too many streams".into()));
    assert_eq!(open("key-admin").await.status(), 200, "another's");
    streams.pop();
    eventually("a place is free", 20, async || {
        (open("key-history").await.status() == 200).then_some(())
    })
    .await;
    drop(streams);
    api.stop().await;
}
