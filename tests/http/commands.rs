//! Commands to a live call that has no agent to take them.

use serde_json::json;
use sidetone_store::{CallType, Fact};
use uuid::Uuid;

use super::{CALLS, new_call};
use crate::support::api::{Api, Setup, user};

#[tokio::test]
async fn a_command_that_cannot_be_done_says_what_to_do() {
    let api = Api::start(Setup::default()).await;
    let call = new_call(&api.store, "ann", CallType::Support, "support-told").await;
    let path = |id: &dyn std::fmt::Display| format!("{CALLS}/{id}/commands");
    let mute = json!({"type": "mute"});
    let (status, problem) = api.post(&path(&call), "key-agent", mute.clone()).await;
    assert_eq!((status, &problem["title"]), (409, &json!("No agent there")));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("POST /api/voice/agent")
    );
    // The call's own user may not command its agent.
    let (status, _) = api
        .post(&path(&call), &user("ann", false), mute.clone())
        .await;
    assert_eq!(status, 403);
    let (status, problem) = api
        .post(&path(&Uuid::new_v4()), "key-agent", mute.clone())
        .await;
    assert_eq!((status, &problem["field"]), (404, &json!("callId")));
    let (status, problem) = api.post(&path(&"x"), "key-agent", mute.clone()).await;
    assert_eq!((status, &problem["field"]), (400, &json!("callId")));
    let wrong = json!({"type": "mute", "text": "Hush."});
    let (status, problem) = api.post(&path(&call), "key-agent", wrong).await;
    assert_eq!((status, &problem["field"]), (400, &json!("text")));

    let finished = [Fact::RoomFinished(sidetone_store::now())];
    api.store.observe(call, None, &finished).await.unwrap();
    let (status, problem) = api.post(&path(&call), "key-agent", mute).await;
    assert_eq!((status, &problem["title"]), (409, &json!("Call is over")));
    api.stop().await;
}
