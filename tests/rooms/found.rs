//! Rooms that were not made by Sidetone's token endpoint: by a SIP rule, or by another backend. Each is a call all the
//! same.

use livekit::{ConnectionState, SipDTMF};
use livekit_api::access_token::{AccessToken, VideoGrants};
use serde_json::{Value, json};
use sidetone_config::built_in;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_testkit::fake_openai::Endpoint;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};

use super::binary::Served;
use super::person::{self, Person};
use crate::calls::until;
use crate::control::served;
use crate::support::{credentials, eventually};

pub const ROOM: &str = "pbx-1";

/// A token for [`ROOM`] for a telephone with this number.
fn telephone(server: &LiveKitServer, number: &str) -> String {
    sip(server, number, &[])
}

/// With additional attributes from LiveKit's SIP service.
fn sip(server: &LiveKitServer, number: &str, said: &[(&str, &str)]) -> String {
    let grants = VideoGrants {
        room_join: true,
        room: ROOM.to_owned(),
        ..VideoGrants::default()
    };
    AccessToken::with_api_key(&server.api_key, &server.api_secret)
        .with_identity(&format!("sip_{number}"))
        .with_kind("sip")
        .with_attributes(said.iter().copied().chain([("sip.phoneNumber", number)]))
        .with_grants(grants)
        .to_jwt()
        .unwrap()
}

/// A house whose agent greets according to the dispatch, and a room that somebody else has made.
pub struct House {
    pub livekit: LiveKitServer,
    pub provider: FakeOpenAi,
    pub served: Served,
    /// Read again when a call begins.
    agents: tempfile::TempDir,
}

impl House {
    pub async fn open() -> Self {
        Self::open_with("", &[]).await
    }

    /// With additional lines in the agent's file, and additional variables.
    pub async fn open_with(keys: &str, variables: &[(&str, &str)]) -> Self {
        Self::open_on(LiveKitServer::start().await.unwrap(), keys, variables).await
    }

    /// Uses this server.
    pub async fn open_on(livekit: LiveKitServer, keys: &str, variables: &[(&str, &str)]) -> Self {
        let provider = FakeOpenAi::start(Timing::default()).await;
        let agents = tempfile::tempdir().unwrap();
        let file = "prompt = \"prompt.md\"\n\
                    greeting = \"Welcome, {{ dispatch.customer or dispatch or 'stranger' }}.\"\n";
        let file = format!("{file}{keys}");
        std::fs::write(agents.path().join("default.toml"), file).unwrap();
        std::fs::write(agents.path().join("prompt.md"), "Be kind.").unwrap();
        let served = Served::start_in(agents.path(), &livekit, &provider, variables).await;
        Self {
            livekit,
            provider,
            served,
            agents,
        }
    }

    /// Dispatches an agent as a SIP rule, or another backend, does.
    pub async fn dispatch(&self, metadata: &str) {
        let livekit = ServerApi::new(&credentials(&self.livekit));
        let metadata = metadata.to_owned();
        livekit
            .create_dispatch(ROOM, "sidetone", metadata)
            .await
            .unwrap();
    }

    /// All calls.
    pub async fn calls(&self) -> Vec<Value> {
        let path = "/api/voice/history?allUsers=true";
        let page = served::get(self.served.address, path).await.unwrap();
        page["calls"].as_array().unwrap().clone()
    }

    pub async fn call_when(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        eventually(what, 40, || async {
            let calls = self.calls().await;
            let id = calls.first()?["id"].as_str()?.to_owned();
            let call = self.served.call_of(&id).await;
            is_so(&call).then_some(call)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_of_a_sip_rule_is_a_call_with_a_row() {
    let house = House::open().await;
    house.provider.default_answer("Your order is on its way.");
    let phone = Person::join(&house.livekit.url, &telephone(&house.livekit, "+4930123")).await;
    house.dispatch("vip customer").await;
    phone.reads("Welcome, vip customer.").await;
    phone.sees("listening").await;
    for (code, digit) in [(7, "7"), (9, "9"), (11, "#")] {
        let key = SipDTMF {
            code,
            digit: digit.to_owned(),
            destination_identities: Vec::new(),
        };
        phone
            .room
            .local_participant()
            .publish_dtmf(key)
            .await
            .unwrap();
    }
    phone.reads("Your order is on its way.").await;
    let asked = house.provider.requests();
    let is_asked = |text: &str| {
        asked
            .iter()
            .any(|one| one.body["messages"].to_string().contains(text))
    };
    assert!(is_asked("Keys pressed: 79#"));
    phone.sees("listening").await;
    phone.leave().await;

    let call = house
        .call_when("the call is over", |call| call["status"] == "completed")
        .await;
    assert_eq!(call["roomName"], ROOM);
    assert_eq!(call["callerId"], "+4930123");
    assert_eq!(call["callType"], "support");
    let said: Vec<&Value> = call["turns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| &turn["text"])
        .collect();
    let expected = [
        "Welcome, vip customer.",
        "Keys pressed: 79#",
        "Your order is on its way.",
    ];
    assert_eq!(said, expected, "{call:#}");
    assert_eq!(house.calls().await.len(), 1);
}

/// The attributes set by LiveKit's SIP service.
const DIALLED: [(&str, &str); 2] = [
    ("sip.trunkPhoneNumber", "+4930555"),
    ("sip.trunkID", "ST_1"),
];

/// A house with another agent, which is assigned to a number.
async fn with_sales() -> House {
    let house = House::open().await;
    let write = |name: &str, text: &str| {
        std::fs::write(house.agents.path().join(name), text).unwrap();
    };
    write(
        "sales.toml",
        "prompt = \"prompt.md\"\ngreeting = \"Sales, hello.\"\n",
    );
    write(
        "routing.toml",
        "[routes.sales]\nnumber = \"+49 30 55*\"\nagent = \"sales\"\n",
    );
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_without_an_agent_goes_by_the_dialled_number() {
    let house = with_sales().await;
    let phone = sip(&house.livekit, "+4917155", &DIALLED);
    let phone = Person::join(&house.livekit.url, &phone).await;
    house.dispatch("").await;
    phone.reads("Sales, hello.").await;
    phone.leave().await;
    let over = |call: &Value| call["status"] == "completed";
    let call = house.call_when("the call is over", over).await;
    assert_eq!(
        (&call["agent"], &call["callerId"]),
        (&json!("sales"), &json!("+4917155"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_that_a_page_sets_itself_choose_no_agent() {
    let house = with_sales().await;
    let page = AccessToken::with_api_key(&house.livekit.api_key, &house.livekit.api_secret)
        .with_identity("ada")
        .with_attributes(DIALLED)
        .with_grants(VideoGrants {
            room_join: true,
            room: ROOM.to_owned(),
            ..VideoGrants::default()
        });
    let ada = Person::join(&house.livekit.url, &page.to_jwt().unwrap()).await;
    house.dispatch("").await;
    ada.reads("Welcome, stranger.").await;
    ada.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_comes_before_its_caller_whatever_the_dispatch_says() {
    let house = House::open().await;
    let metadata = json!({"agent": "of no file", "voice": "nobody's", "customer": "Ms Lovelace"});
    house.dispatch(&metadata.to_string()).await;
    let first = house
        .call_when("a row without a caller", |call| call["callerId"] == "")
        .await;
    let ada = Person::join(
        &house.livekit.url,
        &person::token(&house.livekit, ROOM, "ada"),
    )
    .await;
    ada.reads("Welcome, Ms Lovelace.").await;
    let call = house
        .call_when("a row with a caller", |call| call["callerId"] == "ada")
        .await;
    assert_eq!(call["id"], first["id"]);
    ada.leave().await;
}

/// If no other agent may take its place, the caller is told in the house's language, and nobody is left in the room.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_whose_agent_does_not_exist_is_ended_with_a_sentence() {
    let end = [("SIDETONE_UNKNOWN_AGENT", "end")];
    let house = House::open_with("language = \"de\"\n", &end).await;
    let phone = Person::join(&house.livekit.url, &telephone(&house.livekit, "+4930123")).await;
    let ada = person::token(&house.livekit, ROOM, "ada");
    let ada = Person::join(&house.livekit.url, &ada).await;
    let metadata = json!({"agent": "of no file", "customer": "Ms Lovelace"});
    house.dispatch(&metadata.to_string()).await;
    let sentence = built_in::of(Some("de")).no_agent;
    phone.reads(sentence).await;
    until("nobody left in the room", || {
        let is_out =
            |person: &Person| person.room.connection_state() == ConnectionState::Disconnected;
        (is_out(&phone) && is_out(&ada)).then_some(())
    })
    .await;
    let call = house
        .call_when("the call is over", |call| call["endedAt"].is_string())
        .await;
    let said: Vec<&Value> = call["turns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| &turn["text"])
        .collect();
    assert_eq!(said, [sentence], "{call:#}");
    let why = call["errors"][0]["message"].as_str().unwrap();
    assert!(why.contains("the requested agent does not exist"), "{why}");
    assert!(house.served.log().contains("of no file"));
    assert_eq!(
        house.provider.requests_to(Endpoint::Chat).len(),
        0,
        "its model was asked nothing"
    );
}

/// A backend has its own calls, and uses the same field for their ids as Sidetone's dispatches.
#[tokio::test(flavor = "multi_thread")]
async fn a_backends_own_call_id_is_not_taken_for_ours() {
    let house = House::open().await;
    let phone = Person::join(&house.livekit.url, &telephone(&house.livekit, "+4930123")).await;
    let theirs = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let said = json!({"call_id": theirs, "customer": "Ada"});
    house.dispatch(&said.to_string()).await;
    phone.reads("Welcome, Ada.").await;
    let call = house
        .call_when("what was said", |call| call["turns"][0].is_object())
        .await;
    assert_ne!(call["id"], theirs);
    assert_eq!(call["metadata"], said);
    phone.leave().await;
}

/// The room is still open when somebody else calls: this is a separate call, with nothing of the previous one.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_caller_in_a_room_is_another_caller() {
    let house = House::open().await;
    let first = Person::join(&house.livekit.url, &telephone(&house.livekit, "+491")).await;
    house.dispatch(r#"{"customer": "Ada"}"#).await;
    first.reads("Welcome, Ada.").await;
    first.leave().await;
    let over = house
        .call_when("it is over", |call| call["endedAt"].is_string())
        .await;
    let second = Person::join(&house.livekit.url, &telephone(&house.livekit, "+492")).await;
    second.reads("Welcome, stranger.").await;
    let call = house
        .call_when("another call", |call| call["callerId"] == "+492")
        .await;
    assert_ne!(call["id"], over["id"]);
    assert_eq!(call["metadata"], json!({}));
    second.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_still_there_is_heard_when_the_first_has_left() {
    let house = House::open().await;
    let token = |identity| person::token(&house.livekit, ROOM, identity);
    let ada = Person::join(&house.livekit.url, &token("ada")).await;
    house.dispatch("").await;
    ada.reads("Welcome, stranger.").await;
    ada.sees("listening").await;
    let bob = Person::join(&house.livekit.url, &token("bob")).await;
    bob.sees("listening").await;
    ada.leave().await;
    house.provider.default_answer("Yes, Bob.");
    // What is written before the agent has seen Ada leave belongs to nobody.
    let log = || house.served.log();
    eventually("the agent has seen it", 40, || async {
        log()
            .contains("and somebody else has the call now")
            .then_some(())
    })
    .await;
    bob.writes("Do you hear me?").await;
    bob.reads("Yes, Bob.").await;
    bob.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_sends_an_agent_into_a_room_of_its_own() {
    let house = House::open().await;
    let ada = Person::join(
        &house.livekit.url,
        &person::token(&house.livekit, ROOM, "ada"),
    )
    .await;
    let client = reqwest::Client::new();
    let spawn = async |room: &str| {
        let url = format!("http://{}/api/voice/agent", house.served.address);
        let asked = client.post(url).json(&json!({"roomName": room})).send();
        asked.await.unwrap()
    };
    assert_eq!(spawn("of nobody").await.status(), 404);
    let answer = spawn(ROOM).await;
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    ada.reads("Welcome, stranger.").await;
    let call = house
        .call_when("a row", |call| call["callerId"] == "ada")
        .await;
    assert_eq!(call["id"], answer["callId"]);
    ada.leave().await;
}

/// The agent's machine has no media path to LiveKit, but the caller's does. Whoever dispatched the agent, the caller
/// is told why nobody speaks.
#[cfg(target_os = "linux")]
#[test]
fn callers_are_told_that_the_agents_sound_finds_no_way() {
    use livekit::{Room, RoomEvent, RoomOptions};
    use sidetone_testkit::livekit_server::Options;
    use sidetone_testkit::network::{SERVER, apart};
    use std::time::Duration;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    apart(|network| async move {
        let options = Options {
            address: Some(SERVER),
            ..Options::default()
        };
        let livekit = network.livekit(options).await;
        let provider = FakeOpenAi::start(Timing::default()).await;
        let served = Served::start(&livekit, &provider, &[]).await;
        network.block("ipproto udp");
        network.block(&format!("ipproto tcp dport {}", livekit.media_tcp_port));
        let (url, token) = (livekit.url.clone(), person::token(&livekit, ROOM, "ada"));
        let (tell, mut told) = mpsc::channel(64);
        let _caller = network.on_server(async move {
            let options = RoomOptions::default();
            let (_room, mut events) = Room::connect(&url, &token, options).await.unwrap();
            tell.send(json!("joined")).await.unwrap();
            while let Some(event) = events.recv().await {
                if let RoomEvent::DataReceived { payload, topic, .. } = event
                    && topic.as_deref() == Some("sidetone.call")
                {
                    let message = serde_json::from_slice(&payload).unwrap();
                    tell.send(message).await.ok();
                }
            }
        });
        let mut hears = async |what: &str, is_it: &dyn Fn(&Value) -> bool| {
            let heard = async {
                while let Some(message) = told.recv().await {
                    if is_it(&message) {
                        return;
                    }
                }
            };
            timeout(Duration::from_secs(60), heard).await.expect(what);
        };
        hears("the caller is there", &|message| message == "joined").await;

        let api = ServerApi::new(&credentials(&livekit));
        let foreign = api.create_dispatch(ROOM, "sidetone", "vip".to_owned());
        foreign.await.unwrap();
        hears("that nobody else comes", &|message| {
            message["type"] == "call.failed" && message["code"] == "no-media"
        })
        .await;

        // Our own guard dispatches again.
        let url = format!("http://{}/api/voice/agent", served.address);
        let asked = reqwest::Client::new().post(url);
        let answer = asked.json(&json!({"roomName": ROOM})).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        hears("that another is asked for", &|message| {
            message["type"] == "call.waiting" && message["code"] == "no-media"
        })
        .await;
    });
}
