//! Events of a call are posted to the product's server during the call.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use sidetone_testkit::fake_openai::Answer;

use super::found::{House, ROOM};
use super::person::{self, Person};
use crate::control::prompt_loop::{Receiver, WEBHOOK_SECRET};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_is_posted_what_happens_in_a_call_in_order() {
    let receiver = Receiver::default();
    let url = receiver.start().await;
    let variables = [
        ("SIDETONE_CALL_WEBHOOK_URL", url.as_str()),
        ("SIDETONE_CALL_WEBHOOK_SECRET", WEBHOOK_SECRET),
    ];
    let keys = "[tools.remember]\n[result]\nevents = [\"started\", \"turn\", \"tool\"]\n";
    let house = House::open_with(keys, &variables).await;
    let fact = json!({"fact": "Bob likes blue"});
    house
        .provider
        .script_answer(Answer::tool_call("call_1", "remember", &fact));
    house.provider.script_answer("Noted.");
    let token = person::token(&house.livekit, ROOM, "bob");
    let bob = Person::join(&house.livekit.url, &token).await;
    house
        .dispatch(&json!({"customer": "Bob", "order": 42}).to_string())
        .await;
    bob.reads("Welcome, Bob.").await;
    bob.sees("listening").await;
    bob.writes("I like blue.").await;
    bob.reads("Noted.").await;
    bob.sees("listening").await;
    // The first post is refused; those after it wait.
    let of = |posts: &[(String, Value)]| -> Vec<String> {
        let kinds = posts
            .iter()
            .map(|(_, body)| body["type"].as_str().unwrap().to_owned());
        kinds.collect()
    };
    eventually("a refused post", 40, || async {
        (!receiver.posts().is_empty()).then_some(())
    })
    .await;
    receiver.takes.store(true, Ordering::SeqCst);
    bob.leave().await;
    eventually("the end's post", 60, || async {
        of(&receiver.posts())
            .contains(&"call.ended".to_owned())
            .then_some(())
    })
    .await;
    let mut posts = receiver.posts();
    let first = posts[0].0.clone();
    let refused = posts.iter().filter(|(id, _)| *id == first).count();
    assert!(refused > 1, "the same id until it is taken: {posts:#?}");
    posts.drain(..refused - 1);
    let expected = [
        "call.started",
        "call.turn",
        "call.turn",
        "call.tool",
        "call.turn",
        "call.ended",
    ];
    assert_eq!(of(&posts), expected, "{posts:#?}");
    let call = house.calls().await.remove(0);
    for (id, body) in &posts {
        assert_eq!(body["id"], id.as_str());
        assert_eq!(body["call"]["id"], call["id"]);
        assert_eq!(body["call"]["metadata"]["order"], 42);
    }
    let said = |n: usize| {
        (
            &posts[n].1["event"]["speaker"],
            &posts[n].1["event"]["text"],
        )
    };
    assert_eq!(said(1), (&json!("agent"), &json!("Welcome, Bob.")));
    assert_eq!(said(2), (&json!("user"), &json!("I like blue.")));
    assert_eq!(said(4), (&json!("agent"), &json!("Noted.")));
    assert_eq!(posts[3].1["event"]["name"], "remember");
    assert_eq!(posts[0].1["event"]["callerId"], "bob");
}
