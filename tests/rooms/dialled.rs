//! An agent calls a telephone. A stand-in replaces LiveKit's SIP service at its boundaries: at livekit-server's API,
//! and as the participant that it brings into the room.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_protocol as proto;
use prost::Message as _;
use serde_json::{Value, json};
use sidetone_testkit::LiveKitServer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use super::found::House;
use super::person::Person;
use crate::calls::until;
use crate::support::eventually;

const PROTOBUF: &str = "application/protobuf";
const NUMBER: &str = "+4930123";
/// How long LiveKit takes to dispatch an agent.
const ASKED_FOR: Duration = Duration::from_secs(2);

/// A telephone that rings, and what is said of it.
pub struct Ringing {
    pub asked: proto::CreateSipParticipantRequest,
    /// The status of the telephone network; none: it was answered.
    pub answer: oneshot::Sender<Option<(u16, &'static str)>>,
}

/// livekit-server with a SIP service.
pub struct Telephones {
    /// In place of the server's.
    url: String,
    ringing: mpsc::Receiver<Ringing>,
}

impl Telephones {
    async fn on(server: &LiveKitServer) -> Self {
        let (rings, ringing) = mpsc::channel(8);
        let dial = async move |body: Bytes| dial(&rings, body).await;
        let (http, client) = (server.http_url.clone(), reqwest::Client::new());
        let pass = async move |uri: Uri, headers: HeaderMap, body: Bytes| {
            if uri.path().ends_with("/CreateDispatch") {
                tokio::time::sleep(ASKED_FOR).await;
            }
            pass(&client, format!("{http}{}", uri.path()), &headers, body).await
        };
        let router = Router::new()
            .route("/twirp/livekit.SIP/CreateSIPParticipant", post(dial))
            .fallback(any(pass));
        let api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let api_address = api.local_addr().unwrap();
        tokio::spawn(async { axum::serve(api, router).await.unwrap() });

        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("ws://{}", door.local_addr().unwrap());
        let server = server.http_url.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = door.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let mut start = [0; 4];
                    while client
                        .peek(&mut start)
                        .await
                        .is_ok_and(|n| (1..4).contains(&n))
                    {
                        tokio::task::yield_now().await;
                    }
                    let to = match &start {
                        b"POST" => TcpStream::connect(api_address).await,
                        _ => TcpStream::connect(&server).await,
                    };
                    // An error means a closed connection.
                    copy_bidirectional(&mut client, &mut to.unwrap()).await.ok();
                });
            }
        });
        Self { url, ringing }
    }

    pub async fn rings(&mut self) -> Ringing {
        let ringing = self.ringing.recv();
        let patience = Duration::from_secs(30);
        tokio::time::timeout(patience, ringing)
            .await
            .unwrap()
            .unwrap()
    }
}

/// The response of livekit-server once the SIP service has answered.
async fn dial(rings: &mpsc::Sender<Ringing>, body: Bytes) -> Response {
    let asked = proto::CreateSipParticipantRequest::decode(body).unwrap();
    let info = proto::SipParticipantInfo {
        participant_identity: asked.participant_identity.clone(),
        room_name: asked.room_name.clone(),
        ..Default::default()
    };
    let (answer, answered) = oneshot::channel();
    rings.send(Ringing { asked, answer }).await.unwrap();
    match answered.await.unwrap() {
        None => ([(CONTENT_TYPE, PROTOBUF)], info.encode_to_vec()).into_response(),
        Some((status, words)) => {
            let problem = json!({"code": "failed_precondition", "msg": format!("sip status {status}: {words}"),
                "meta": {"sip_status_code": status.to_string(), "sip_status": words}});
            (StatusCode::PRECONDITION_FAILED, axum::Json(problem)).into_response()
        }
    }
}

async fn pass(client: &reqwest::Client, url: String, headers: &HeaderMap, body: Bytes) -> Response {
    let mut request = client.post(url).body(body);
    for name in [AUTHORIZATION, CONTENT_TYPE] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let kind = answer.headers().get(CONTENT_TYPE).cloned();
    let body = answer.bytes().await.unwrap();
    let kind = kind.map(|kind| [(CONTENT_TYPE, kind)]);
    (
        status,
        kind.into_iter().flatten().collect::<HeaderMap>(),
        body,
    )
        .into_response()
}

/// The telephone in the room, as the SIP service brings it there while it rings.
pub async fn telephone(
    server: &LiveKitServer,
    asked: &proto::CreateSipParticipantRequest,
) -> Person {
    let grants = VideoGrants {
        room_join: true,
        room: asked.room_name.clone(),
        can_update_own_metadata: Some(true),
        ..VideoGrants::default()
    };
    let own = asked.participant_attributes.iter();
    let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
    let token = AccessToken::with_api_key(&server.api_key, &server.api_secret)
        .with_identity(&asked.participant_identity)
        .with_kind("sip")
        .with_attributes(own.chain([
            ("sip.phoneNumber", asked.sip_call_to.as_str()),
            ("sip.callStatus", "dialing"),
        ]))
        .with_grants(grants);
    Person::join(&server.url, &token.to_jwt().unwrap()).await
}

pub async fn says_of_itself(phone: &Person, status: &str) {
    let status = HashMap::from([("sip.callStatus".to_owned(), status.to_owned())]);
    let me = phone.room.local_participant();
    // livekit 0.10 starts waiting for the server's response only after sending the request, and may miss it.
    me.set_attributes(status.clone()).await.ok();
    until("the telephone says how its call stands", || {
        let attributes = me.attributes();
        let is_said = |(name, value)| attributes.get(name) == Some(value);
        status.iter().all(is_said).then_some(())
    })
    .await;
}

/// A house whose agents can call.
pub async fn house(keys: &str) -> (House, Telephones) {
    let livekit = LiveKitServer::start().await.unwrap();
    let telephones = Telephones::on(&livekit).await;
    let variables = [("LIVEKIT_HOST", telephones.url.as_str())];
    let house = House::open_on(livekit, keys, &variables).await;
    (house, telephones)
}

/// Requests a call with its own idempotency key.
async fn call(house: &House, key: &str) -> Value {
    let url = format!("http://{}/api/voice/call", house.served.address);
    let body =
        json!({"number": NUMBER, "trunk": "ST_1", "metadata": {"order": 42}, "ringSeconds": 20});
    let request = reqwest::Client::new()
        .post(url)
        .header("Idempotency-Key", key);
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_speaks_when_the_telephone_that_it_calls_is_answered() {
    let (house, mut telephones) = house("").await;
    let begun = call(&house, "once").await;
    assert_eq!(begun["outcome"], "dialling");
    let ringing = telephones.rings().await;
    let asked = &ringing.asked;
    assert_eq!(asked.sip_trunk_id, "ST_1");
    assert_eq!(asked.sip_call_to, NUMBER);
    assert_eq!(asked.room_name, begun["roomName"].as_str().unwrap());
    assert!(asked.wait_until_answered);
    assert_eq!(asked.ringing_timeout.as_ref().unwrap().seconds, 20);
    let phone = telephone(&house.livekit, asked).await;
    phone.sees("idle").await;
    says_of_itself(&phone, "ringing").await;
    // Both are in the room, and nothing is said; the history shows that it rings.
    let call_of = async || {
        house
            .served
            .call_of(begun["callId"].as_str().unwrap())
            .await
    };
    eventually("it is known that both are there", 40, || async {
        (call_of().await["participants"].as_array()?.len() == 2).then_some(())
    })
    .await;
    let call = call_of().await;
    assert_eq!(
        (&call["status"], &call["connectedAt"]),
        (&json!("ringing"), &Value::Null)
    );
    assert_eq!(phone.words(), "");

    says_of_itself(&phone, "active").await;
    phone.reads("Welcome, stranger.").await;
    ringing.answer.send(None).unwrap();
    let is_connected = |call: &Value| call["status"] == "connected";
    let call = house.call_when("it is answered", is_connected).await;
    assert_eq!(call["callerId"], NUMBER);
    assert_eq!(call["metadata"], json!({"order": 42}));
    let outbound = &call["outbound"];
    assert_eq!(
        (&outbound["number"], &outbound["outcome"]),
        (&json!(NUMBER), &json!("answered"))
    );
    phone.leave().await;
    let is_over = |call: &Value| call["status"] == "completed";
    let call = house.call_when("it is over", is_over).await;
    assert_eq!(call["outbound"]["outcome"], "answered", "{call:#}");
}

/// The backend does not wait for LiveKit, and asks again: the answer is correct.
#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_rings_though_whoever_asked_has_gone() {
    let (house, mut telephones) = house("").await;
    let url = format!("http://{}/api/voice/call", house.served.address);
    let body =
        json!({"number": NUMBER, "trunk": "ST_1", "metadata": {"order": 42}, "ringSeconds": 20});
    let request = reqwest::Client::new()
        .post(url)
        .header("Idempotency-Key", "gone")
        .json(&body);
    let answer = request.timeout(ASKED_FOR / 2).send().await;
    assert!(answer.unwrap_err().is_timeout());
    let ringing = telephones.rings().await;
    assert_eq!(ringing.asked.sip_call_to, NUMBER);
    assert_eq!(call(&house, "gone").await["outcome"], "dialling");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_that_nobody_answers_is_a_missed_call_and_not_called_again() {
    let (house, mut telephones) = house("").await;
    let begun = call(&house, "once").await;
    let ringing = telephones.rings().await;
    let phone = telephone(&house.livekit, &ringing.asked).await;
    phone.sees("idle").await;
    ringing.answer.send(Some((486, "Busy Here"))).unwrap();
    until("nobody left in the room", || {
        let state = phone.room.connection_state();
        (state == livekit::ConnectionState::Disconnected).then_some(())
    })
    .await;
    let is_over = |call: &Value| call["endedAt"].is_string();
    let call_before = house.call_when("it is over", is_over).await;
    assert_eq!(call_before["status"], "missed", "{call_before:#}");
    let outbound = &call_before["outbound"];
    assert_eq!(outbound["outcome"], "busy");
    assert_eq!(outbound["reason"], "486 Busy Here");
    // The same request again is answered, and calls nobody.
    let again = call(&house, "once").await;
    assert_eq!(
        (&again["callId"], &again["outcome"]),
        (&begun["callId"], &json!("busy"))
    );
    let other = call(&house, "another").await;
    assert_ne!(other["callId"], begun["callId"]);
    let ringing = telephones.rings().await;
    assert_eq!(ringing.asked.room_name, other["roomName"].as_str().unwrap());
    ringing
        .answer
        .send(Some((480, "Temporarily Unavailable")))
        .unwrap();
    house
        .call_when("nobody answers", |call| {
            call["outbound"]["outcome"] == "no-answer"
        })
        .await;
}
