//! What a call uses besides its models, in a real room: a lookup about the caller, MCP servers, and telephone keys.

use std::time::Duration;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use livekit::prelude::*;
use livekit_api::access_token::{AccessToken, VideoGrants};
use serde_json::{Value, json};
use sidetone_testkit::fake_openai::Answer;
use tokio::net::TcpListener;

use super::people::{House, join, write};
use crate::mcp::server as desk;
use crate::support::{KEY, SECRET, eventually};

/// A product's server that knows its callers by the attributes in their tokens.
async fn product() -> std::net::SocketAddr {
    let known = async |Path(tier): Path<String>| Json(json!({"plan": format!("the {tier} plan")}));
    let router = Router::new().route("/tiers/{tier}", get(known));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_keys_and_mcp_servers_in_a_room() {
    let (product, desk) = (product().await, desk::http().await);
    let house = House::open(&format!(
        "greeting = \"Hello {{{{ caller.name }}}}, you have {{{{ lookup.plan }}}}.\"\n\
         [lookup]\nallow_private = true\ntimeout = \"10s\"\n\
         url = \"http://{product}/tiers/{{{{ caller.attributes.tier }}}}\"\n\
         [tools.send_dtmf]\n\
         [mcp.desk]\nurl = \"http://{desk}/mcp\"\nallow_private = true\n\
         headers = {{ Authorization = \"{}\" }}\n\
         [mcp.gone]\ncommand = \"/no/such/program\"\n",
        desk::TOKEN
    ))
    .await;
    let (_, call) = house.token("ann", json!({"roomType": "support"})).await;
    // Made as a product's own backend makes them.
    let token = AccessToken::with_api_key(KEY, SECRET)
        .with_identity("ann")
        .with_name("Ann")
        .with_attributes([("tier", "gold")])
        .with_grants(VideoGrants {
            room_join: true,
            room: call["roomName"].as_str().unwrap().into(),
            ..Default::default()
        })
        .to_jwt()
        .unwrap();
    let (room, mut events) = join(&call["livekitHost"], &token).await;
    let says = async |words: &str| {
        eventually(words, 40, || async {
            let said = house.said("ann", &call["callId"]).await;
            said.contains(words).then_some(())
        })
        .await;
    };
    says("Hello Ann, you have the gold plan.").await;

    let press = json!({"digits": "1w#"});
    house
        .provider
        .script_answer(Answer::tool_call("call_1", "send_dtmf", &press));
    house.provider.script_answer("They are pressed.");
    write(&room, "Press one and the hash.").await;
    says("They are pressed.").await;
    let pressed = tokio::time::timeout(Duration::from_secs(20), async {
        let mut keys = Vec::new();
        while keys.len() < 2 {
            if let RoomEvent::SipDTMFReceived { code, digit, .. } = events.recv().await.unwrap() {
                keys.push((code, digit.unwrap_or_default()));
            }
        }
        keys
    });
    let pressed = pressed.await.unwrap();
    assert_eq!(pressed, [(1, "1".to_owned()), (11, "#".to_owned())]);

    let day = json!({"day": "Friday"});
    house
        .provider
        .script_answer(Answer::tool_call("call_2", "desk_find_tables", &day));
    house.provider.script_answer("At six or at eight.");
    write(&room, "When is a table free on Friday?").await;
    says("At six or at eight.").await;
    let stored = house.call("ann", &call["callId"]).await;
    let tools: Vec<(&Value, &Value, &Value)> = stored["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| (&tool["name"], &tool["ok"], &tool["result"]))
        .collect();
    let found = json!("on \"Friday\": six and eight");
    assert!(
        tools.contains(&(&json!("desk_find_tables"), &json!(true), &found)),
        "{tools:?}"
    );
    // The server that is not there appears in the record and in the model's prompt, and has no other effect.
    let gone = tools.iter().find(|(name, ..)| **name == "mcp.gone");
    assert!(gone.is_some_and(|(_, ok, _)| **ok == false), "{tools:?}");
    let last = house.provider.requests().into_iter().rev();
    let mut last = last.map(|request| request.body["messages"][0]["content"].to_string());
    let prompt = last.find(|prompt| prompt.contains("Be kind")).unwrap();
    assert!(
        prompt.contains("Not available in this call: the tools of gone."),
        "{prompt}"
    );
    room.close().await.unwrap();
    house.close().await;
}
