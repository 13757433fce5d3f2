//! A slow neighbour delays nobody: while LiveKit, its Egress or a webhook receiver hangs for one call, everything
//! continues for the others.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use livekit_protocol as proto;
use prost::Message as _;
use serde_json::{Value, json};
use sidetone_config::env::LiveKit;
use sidetone_config::secret::Secret;
use sidetone_control_plane::control::{ControlConfig, reconcile};
use sidetone_store::results::CallResult;
use sidetone_store::{CallType, Fact, Recording};
use tokio::net::TcpListener;
use tokio::time::sleep;
use uuid::Uuid;

use super::new_call;
use crate::support::api::{Api, SECRET, Setup, nowhere, sign};
use crate::support::eventually;

/// Longer than all our deadlines.
const HANGS: Duration = Duration::from_secs(30);

/// A LiveKit that never answers about rooms whose name contains "slow", and stops no egress.
#[derive(Clone, Default)]
struct SlowLiveKit {
    rooms: BTreeSet<String>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl SlowLiveKit {
    fn with(rooms: &[&str]) -> Self {
        Self {
            rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
            ..Self::default()
        }
    }

    async fn serve(&self) -> LiveKit {
        let this = self.clone();
        let answer = async move |uri: Uri, body: Bytes| this.answer(uri.path(), &body).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("ws://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        LiveKit { host, ..nowhere() }
    }

    async fn answer(&self, path: &str, body: &[u8]) -> Response {
        let method = path.rsplit('/').next().unwrap().to_owned();
        let subject = match method.as_str() {
            "ListParticipants" => proto::ListParticipantsRequest::decode(body).unwrap().room,
            "StopEgress" => "slow".to_owned(),
            _ => String::new(),
        };
        self.asked
            .lock()
            .unwrap()
            .push(format!("{method} {subject}"));
        if subject.contains("slow") {
            sleep(HANGS).await;
        }
        let there = |names: &[String]| {
            let named = |room: &&String| names.is_empty() || names.contains(room);
            let rooms = self.rooms.iter().filter(named);
            let rooms = rooms.map(|name| proto::Room {
                name: name.clone(),
                sid: format!("RM_{name}"),
                ..Default::default()
            });
            proto::ListRoomsResponse {
                rooms: rooms.collect(),
            }
        };
        let answer = match method.as_str() {
            "ListRooms" => {
                there(&proto::ListRoomsRequest::decode(body).unwrap().names).encode_to_vec()
            }
            "ListParticipants" => {
                let ann = proto::ParticipantInfo {
                    sid: format!("PA_{subject}"),
                    identity: "ann".into(),
                    joined_at_ms: 1_700_000_000_000,
                    ..Default::default()
                };
                proto::ListParticipantsResponse {
                    participants: vec![ann],
                }
                .encode_to_vec()
            }
            _ => {
                let error = json!({"code": "not_found", "msg": "there is no such thing"});
                return (StatusCode::NOT_FOUND, Json(error)).into_response();
            }
        };
        ([("content-type", "application/protobuf")], answer).into_response()
    }

    fn was_asked(&self, what: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|asked| asked == what)
    }
}

async fn tell(api: &Api, event: Value) {
    let body = event.to_string();
    assert_eq!(api.webhook(&body, &sign(&body, SECRET)).await.0, 200);
}

fn room_finished(room: &str) -> Value {
    let now = sidetone_store::now().timestamp();
    json!({"event": "room_finished", "id": format!("EV_{room}"), "createdAt": now.to_string(),
        "room": {"sid": format!("RM_{room}"), "name": room, "creationTime": (now - 60).to_string()}})
}

#[tokio::test]
async fn an_egress_that_is_not_stopped_holds_up_no_event() {
    let livekit = SlowLiveKit::default();
    let api = Api::start(Setup {
        livekit: Ok(livekit.serve().await),
        ..Setup::default()
    })
    .await;
    let recorded = new_call(&api.store, "ann", CallType::Support, "recorded").await;
    let recording = Recording::by_egress(recorded, sidetone_store::now());
    assert!(api.store.claim_egress(&recording).await.unwrap());
    let key = recording.bucket_key();
    let began = json!({"event": "egress_started", "id": "EV_1", "createdAt": "1700000000",
        "egressInfo": {"egressId": "EG_1", "roomName": "recorded", "status": "EGRESS_ACTIVE",
            "fileResults": [{"filename": key}]}});
    tell(&api, began).await;
    tell(&api, room_finished("recorded")).await;
    eventually("its egress is to stop", 10, || async {
        livekit.was_asked("StopEgress slow").then_some(())
    })
    .await;
    for n in 0..5 {
        let room = format!("other-{n}");
        let other = new_call(&api.store, "bob", CallType::Support, &room).await;
        tell(&api, room_finished(&room)).await;
        eventually("the other's end is stored", 5, || async {
            api.store.call(other).await.unwrap().unwrap().ended_at
        })
        .await;
    }
    assert!(
        api.store
            .call(recorded)
            .await
            .unwrap()
            .unwrap()
            .ended_at
            .is_some()
    );
    api.stop().await;
}

#[tokio::test]
async fn a_room_that_livekit_does_not_tell_of_holds_up_no_other() {
    let livekit = SlowLiveKit::with(&["a-slow-1", "a-slow-2", "quick"]);
    let api = Api::start(Setup {
        livekit: Ok(livekit.serve().await),
        control: ControlConfig {
            reconcile_every: Duration::from_secs(3_600),
            ..ControlConfig::new("sidetone")
        },
        ..Setup::default()
    })
    .await;
    let control = api.control.clone().unwrap();
    let mut quick = Uuid::nil();
    for room in ["a-slow-1", "a-slow-2", "quick"] {
        quick = new_call(&api.store, "ann", CallType::Support, room).await;
        control.agent_awaited(room);
    }
    eventually("the quick room is looked at", 5, || async {
        livekit.was_asked("ListParticipants quick").then_some(())
    })
    .await;
    // The same in reconciliation, which ends when the deadlines of the slow calls have passed.
    let all = tokio::spawn(async move { reconcile::reconcile(&control).await });
    eventually("who is in the quick room is stored", 5, || async {
        let people = api.store.participants(quick).await.unwrap();
        (!people.is_empty()).then_some(())
    })
    .await;
    assert!(!all.is_finished());
    all.abort();
    api.stop().await;
}

#[tokio::test]
async fn a_receiver_that_takes_long_over_one_call_delays_no_other() {
    let began = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&began);
    let take = async move |Json(event): Json<Value>| {
        let room = event["call"]["roomName"].as_str().unwrap().to_owned();
        seen.lock().unwrap().push(room.clone());
        if room.contains("slow") {
            sleep(HANGS).await;
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ends", listener.local_addr().unwrap());
    let router = Router::new().route("/ends", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let api = Api::start(Setup {
        control: ControlConfig {
            webhook_secret: Some(Secret::new("0123456789abcdef01234567")),
            ..ControlConfig::new("sidetone")
        },
        ..Setup::default()
    })
    .await;
    let end = async |room: &str| {
        let id = new_call(&api.store, "ann", CallType::Support, room).await;
        let now = sidetone_store::now();
        api.store.will_tell(id, &url, &[], now).await.unwrap();
        let made = CallResult {
            result: None,
            error: None,
            made_at: now,
        };
        assert!(api.store.save_result(id, &made).await.unwrap());
        api.store
            .observe(id, None, &[Fact::RoomFinished(now)])
            .await
            .unwrap();
        id
    };
    for n in 0..20 {
        end(&format!("slow-{n}")).await;
    }
    eventually("the slow ones are on their way", 10, || async {
        (began.lock().unwrap().len() == 20).then_some(())
    })
    .await;
    let quick = end("quick").await;
    eventually("the quick one is delivered", 5, || async {
        let state = api.store.webhook_state(quick).await.unwrap();
        (state.as_deref() == Some("delivered")).then_some(())
    })
    .await;
    api.stop().await;
}
