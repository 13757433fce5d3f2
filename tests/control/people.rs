//! A caller is put through to a person, in a real room with whole processes.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use axum::routing::post;
use futures::FutureExt as _;
use livekit::SendTextOptions;
use livekit::participant::ParticipantKind;
use livekit::prelude::*;
use livekit_protocol as proto;
use prost::Message as _;
use serde_json::{Value, json};
use sidetone::agent::transfer::Switchboard;
use sidetone_call::Operator as _;
use sidetone_config::env::{Env, LiveKit};
use sidetone_config::transfer::{Target, To};
use sidetone_control_plane::server_api::ServerApi;
use sidetone_store::Store;
use sidetone_testkit::fake_openai::Answer;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::served;
use crate::support::api::{Api, LOGIN_SECRET, user};
use crate::support::{KEY, SECRET, eventually, livekit};

/// `sidetone serve` with one agent, and users who are logged in.
pub struct House {
    address: std::net::SocketAddr,
    client: reqwest::Client,
    pub provider: FakeOpenAi,
    pub server: LiveKitServer,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
    _folders: [tempfile::TempDir; 2],
}

impl House {
    /// The agent's file contains these lines besides its prompt.
    pub async fn open(lines: &str) -> Self {
        let (listener, webhook) = Api::listener().await;
        let server = livekit(Some(webhook)).await;
        Self::open_on(listener, server, lines).await
    }

    /// Uses this LiveKit server.
    pub async fn open_on(listener: TcpListener, server: LiveKitServer, lines: &str) -> Self {
        let address = listener.local_addr().unwrap();
        let provider = FakeOpenAi::start(Timing::default()).await;
        let (data, agents) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |name: &str, text: &str| {
            std::fs::write(Path::new(agents.path()).join(name), text).unwrap();
        };
        write("default.md", "Be kind.");
        write("default.toml", &format!("prompt = \"default.md\"\n{lines}"));
        let mut variables = served::variables(&server, &provider, data.path());
        variables.push(("SIDETONE_JWT_SECRET", LOGIN_SECRET.into()));
        let env = Env::from_lookup(|name| {
            let mut variables = variables.iter();
            let found = variables.find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone())
        });
        let stop = CancellationToken::new();
        let running = served::run(env.unwrap(), agents.path().into(), listener, stop.clone());
        let house = Self {
            address,
            client: reqwest::Client::new(),
            provider,
            server,
            stop,
            serving: tokio::spawn(running),
            _folders: [data, agents],
        };
        served::ready(address).await;
        house
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    pub async fn token(&self, who: &str, body: Value) -> (u16, Value) {
        let url = format!("http://{}/api/voice/token", self.address);
        let request = self.client.post(url).bearer_auth(user(who, false));
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn post(&self, who: &str, path: &str, body: Value) -> Value {
        let url = format!("http://{}/api/voice{path}", self.address);
        let request = self.client.post(url).bearer_auth(user(who, false));
        request
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    pub async fn get(&self, who: &str, path: &str) -> Value {
        let url = format!("http://{}/api/voice{path}", self.address);
        let request = self.client.get(url).bearer_auth(user(who, false));
        request.send().await.unwrap().json().await.unwrap()
    }

    pub async fn call(&self, who: &str, id: &Value) -> Value {
        let id = id.as_str().unwrap();
        let url = format!("http://{}/api/voice/history/{id}", self.address);
        let request = self.client.get(url).bearer_auth(user(who, false));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The agent's turns so far.
    pub async fn said(&self, who: &str, id: &Value) -> String {
        let call = self.call(who, id).await;
        let turns = call["turns"].as_array().cloned().unwrap_or_default();
        let texts = turns.iter().filter(|turn| turn["speaker"] == "agent");
        let texts: Vec<_> = texts.map(|turn| turn["text"].as_str().unwrap()).collect();
        texts.join(" ")
    }

    pub async fn close(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

pub async fn join(host: &Value, token: &str) -> (Room, UnboundedReceiver<RoomEvent>) {
    let options = RoomOptions::default();
    let host = host.as_str().unwrap();
    Room::connect(host, token, options).await.unwrap()
}

pub async fn write(room: &Room, text: &str) {
    let options = SendTextOptions::new_with_topic("lk.chat");
    let me = room.local_participant();
    me.send_text(text, options).await.unwrap();
}

pub fn agents(room: &Room) -> usize {
    let there = room.remote_participants();
    there
        .values()
        .filter(|participant| participant.kind() == ParticipantKind::Agent)
        .count()
}

/// An agent that puts callers through, and a caller who has asked for that.
async fn asked(ring: &str) -> (House, Value, Room, UnboundedReceiver<RoomEvent>) {
    let house = House::open(&format!(
        "greeting = \"Hello!\"\n[tools.transfer]\nring = {ring:?}\nfailed = \"Nobody is free.\"\n\
         [tools.transfer.targets.sales]\nidentity = \"anna\"\nabout = \"Prices.\"\n"
    ))
    .await;
    let arguments = json!({"to": "sales", "say": "I put you through to sales."});
    let answer = Answer::tool_call("call_1", "transfer", &arguments);
    house.provider.script_answer(answer);
    let (status, call) = house.token("ann", json!({"roomType": "support"})).await;
    assert_eq!(status, 200, "{call}");
    // Before the caller asked for a person, the call belongs to nobody but her.
    let theirs = json!({"roomType": "user-to-user", "roomName": call["roomName"]});
    assert_eq!(house.token("anna", theirs).await.0, 404);
    let token = call["token"].as_str().unwrap();
    let (room, events) = join(&call["livekitHost"], token).await;
    eventually("the greeting", 30, || async {
        let said = house.said("ann", &call["callId"]).await;
        said.contains("Hello!").then_some(())
    })
    .await;
    write(&room, "I want to talk with a person.").await;
    (house, call, room, events)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_over_and_the_agent_leaves() {
    let (house, call, room, _events) = asked("30s").await;
    let theirs = json!({"roomType": "user-to-user", "roomName": call["roomName"]});
    let invited = eventually("anna is called", 30, || async {
        let (status, token) = house.token("anna", theirs.clone()).await;
        (status == 200).then_some(token)
    })
    .await;
    // The agent's words were heard before anybody was called.
    let said = house.said("ann", &call["callId"]).await;
    assert!(said.contains("I put you through to sales."), "{said}");
    assert_eq!(
        house.token("eve", theirs).await.0,
        404,
        "nobody else's call"
    );
    assert_eq!(agents(&room), 1, "it stays until she is there");
    let token = invited["token"].as_str().unwrap();
    let (person, _hers) = join(&invited["livekitHost"], token).await;
    eventually("the agent leaves", 20, || async {
        (agents(&room) == 0).then_some(())
    })
    .await;
    // The server reports a participant who publishes nothing only after some time.
    eventually("ann sees who is there", 20, || async {
        let there = room.remote_participants();
        let names: Vec<String> = there.keys().map(ToString::to_string).collect();
        (names == ["anna"]).then_some(())
    })
    .await;
    // The call continues between the two, and no other agent is dispatched.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(agents(&room), 0);
    let stored = house.call("ann", &call["callId"]).await;
    assert_eq!(stored["status"], "connected", "{stored:#}");
    assert_eq!(stored["calleeId"], "anna");
    let last = stored["tools"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["name"], &last["ok"]),
        (&json!("transfer"), &json!(true))
    );
    assert_eq!(last["result"], "sales has taken the call");
    person.close().await.unwrap();
    room.close().await.unwrap();
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_comes_the_agent_says_so_and_stays() {
    let (house, call, room, _events) = asked("5s").await;
    eventually("it is told", 40, || async {
        let said = house.said("ann", &call["callId"]).await;
        said.contains("Nobody is free.").then_some(())
    })
    .await;
    assert_eq!(agents(&room), 1);
    let theirs = json!({"roomType": "user-to-user", "roomName": call["roomName"]});
    assert_eq!(
        house.token("anna", theirs).await.0,
        404,
        "not hers any more"
    );
    // The conversation continues, and the model knows the outcome.
    house.provider.default_answer("How else can I help?");
    write(&room, "What now?").await;
    eventually("an answer", 30, || async {
        let said = house.said("ann", &call["callId"]).await;
        said.contains("How else").then_some(())
    })
    .await;
    let asked = house.provider.requests().into_iter().rev();
    let asked = asked.map(|request| request.body["messages"].to_string());
    let mut asked = asked.filter(|messages| messages.contains("What now?"));
    let prompt = asked.next().unwrap();
    assert!(
        prompt.contains("transfer to sales: failed, nobody came within 5s"),
        "{prompt}"
    );
    room.close().await.unwrap();
    house.close().await;
}

/// As much of LiveKit's API as a telephone needs; there is no SIP server here. It keeps the requests.
#[derive(Clone, Default)]
struct Sip(Arc<Mutex<Vec<proto::TransferSipParticipantRequest>>>);

impl Sip {
    /// Starts with a person of this kind in the room; a second transfer fails.
    async fn start(self, kind: proto::participant_info::Kind) -> String {
        let caller = proto::ParticipantInfo {
            identity: "sip_caller".into(),
            kind: kind.into(),
            ..Default::default()
        };
        let list = proto::ListParticipantsResponse {
            participants: vec![caller],
        };
        let list = async move || ([(CONTENT_TYPE, PROTOBUF)], list.encode_to_vec());
        let transfer = async move |body: Bytes| {
            let mut asked = self.0.lock().unwrap();
            asked.push(proto::TransferSipParticipantRequest::decode(body).unwrap());
            match asked.len() {
                1 => ([(CONTENT_TYPE, PROTOBUF)], Vec::new()).into_response(),
                _ => {
                    let problem = json!({"code": "unavailable", "msg": "busy here"});
                    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(problem)).into_response()
                }
            }
        };
        let router = Router::new()
            .route("/twirp/livekit.RoomService/ListParticipants", post(list))
            .route("/twirp/livekit.SIP/TransferSIPParticipant", post(transfer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        format!("ws://{address}")
    }
}

const PROTOBUF: &str = "application/protobuf";

#[tokio::test]
async fn a_telephone_is_referred() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let env = Env::from_lookup(|name| (name == "SIDETONE_DATA_DIR").then(|| data.clone()));
    let store = Store::open(&env.unwrap().database).await.unwrap();
    let put_through = async |host: String| {
        let switchboard = Switchboard {
            livekit: ServerApi::new(&LiveKit::new(host, KEY, SECRET)),
            store: store.clone(),
            call_id: uuid::Uuid::nil(),
            room: "support-1".into(),
            url: String::new(),
        };
        // A telephone that is referred hears nothing of it.
        let briefing = std::future::pending().boxed();
        let target = Target {
            name: "sales".into(),
            about: String::new(),
            to: To::Phone("tel:+4930123456".into()),
        };
        switchboard
            .put_through(target, Duration::from_secs(9), briefing)
            .await
    };
    let sip = Sip::default();
    let host = sip.clone().start(proto::participant_info::Kind::Sip).await;
    let done = put_through(host.clone()).await;
    assert_eq!(done, Ok("sales has taken the call".to_owned()));
    let asked = sip.0.lock().unwrap()[0].clone();
    assert_eq!(asked.room_name, "support-1");
    assert_eq!(asked.participant_identity, "sip_caller");
    assert_eq!(asked.transfer_to, "tel:+4930123456");
    assert!(asked.play_dialtone);
    assert_eq!(asked.ringing_timeout.unwrap().seconds, 9);
    let busy = put_through(host).await;
    let failed = "the telephone could not be put through";
    assert_eq!(busy, Err(failed.to_owned()));

    let web = Sip::default();
    let host = web.clone().start(proto::participant_info::Kind::Standard);
    let refused = put_through(host.await).await;
    assert_eq!(refused, Err("the caller is not on a telephone".to_owned()));
    assert!(web.0.lock().unwrap().is_empty());
}
