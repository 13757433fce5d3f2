//! Who can set a participant's attributes: a real room says who may change them.

use livekit::RoomOptions;
use livekit::prelude::Room;
use livekit_api::access_token::{AccessToken, VideoGrants};
use sidetone::room::caller_of;
use sidetone_config::choices::UserChoices;
use sidetone_testkit::LiveKitServer;

use super::person::token_of;
use crate::calls::until;

/// A token with attributes, whose holder may or may not change them.
fn token(server: &LiveKitServer, identity: &str, kind: &str, writes: bool) -> String {
    let grants = VideoGrants {
        room_join: true,
        room: "attributes".into(),
        can_update_own_metadata: writes.then_some(true),
        ..VideoGrants::default()
    };
    AccessToken::with_api_key(&server.api_key, &server.api_secret)
        .with_identity(identity)
        .with_kind(kind)
        .with_attributes([
            ("plan", "gold"),
            ("sip.phoneNumber", "+49"),
            ("sip.h.x-plan", "gold"),
            ("lk.agent.state", "speaking"),
        ])
        .with_grants(grants)
        .to_jwt()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_known_to_be_the_callers_own() {
    let server = LiveKitServer::start().await.unwrap();
    let join = async |token: String| {
        let joined = Room::connect(&server.url, &token, RoomOptions::default());
        joined.await.unwrap()
    };
    let (room, _events) = join(token_of(&server, "attributes", "agent-1", "agent")).await;
    let listed = UserChoices {
        variables: ["plan".to_owned()].into(),
        ..UserChoices::default()
    };
    for (identity, kind, writes, unlisted, with_plan) in [
        ("signed", "standard", false, vec!["plan"], vec!["plan"]),
        ("writer", "standard", true, vec![], vec!["plan"]),
        (
            "telephone",
            "sip",
            true,
            vec!["sip.phoneNumber"],
            vec!["plan", "sip.phoneNumber"],
        ),
    ] {
        let _there = join(token(&server, identity, kind, writes)).await;
        let caller = until(&format!("{identity} with attributes"), || {
            let person = room.remote_participants().into_values();
            let mut person = person.filter(|one| one.identity().as_str() == identity);
            let caller = caller_of(&person.next()?);
            (caller.attributes.len() == 4).then_some(caller)
        })
        .await;
        assert_eq!(caller.writes_attributes, writes, "{identity}");
        assert_eq!(caller.by_telephone, kind == "sip", "{identity}");
        for (choices, expected) in [
            (UserChoices::default(), unlisted),
            (listed.clone(), with_plan),
        ] {
            let (seen, passed) = choices.attributes(&caller);
            let seen: Vec<_> = seen.keys().map(String::as_str).collect();
            assert_eq!(seen, expected, "{identity}");
            assert_eq!(passed.len(), 4 - expected.len(), "{identity}");
        }
    }
}
