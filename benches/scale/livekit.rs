//! Stands in for the HTTP interface of LiveKit's server: ten thousand rooms cannot be real on the machine that also
//! carries the database and the control plane. Counts what it is asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use livekit_protocol as proto;
use prost::Message;
use tokio::net::TcpListener;

/// A room, and who is in it.
#[derive(Clone, Debug, Default)]
pub struct Room {
    pub sid: String,
    pub caller: bool,
    pub agent: bool,
}

/// The rooms, and how often each method was called.
#[derive(Clone, Debug, Default)]
pub struct LiveKit(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    rooms: HashMap<String, Room>,
    asked: BTreeMap<String, u64>,
}

impl LiveKit {
    /// Serves; returns its address, `ws://…`.
    pub async fn start(&self) -> String {
        let router = Router::new()
            .route("/twirp/{service}/{method}", post(answer))
            .with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        format!("ws://{address}")
    }

    /// Changes a room; one where nobody is any more is closed.
    pub fn room(&self, name: &str, change: impl FnOnce(&mut Room)) {
        let mut known = self.0.lock().unwrap();
        let room = known.rooms.entry(name.to_owned()).or_default();
        change(room);
        if !room.caller && !room.agent {
            known.rooms.remove(name);
        }
    }

    /// How often each method was called since the last time.
    pub fn asked(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }
}

async fn answer(
    State(livekit): State<LiveKit>,
    Path((_, method)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let mut known = livekit.0.lock().unwrap();
    *known.asked.entry(method.clone()).or_default() += 1;
    match method.as_str() {
        "ListRooms" => {
            let names = proto::ListRoomsRequest::decode(body).unwrap().names;
            let rooms = match names.is_empty() {
                true => known.rooms.iter().map(listed).collect(),
                false => (names.iter())
                    .filter_map(|name| known.rooms.get_key_value(name))
                    .map(listed)
                    .collect(),
            };
            protobuf(&proto::ListRoomsResponse { rooms })
        }
        "ListParticipants" => {
            let name = proto::ListParticipantsRequest::decode(body).unwrap().room;
            let room = known.rooms.get(&name).cloned().unwrap_or_default();
            let participants = room.people(&name);
            protobuf(&proto::ListParticipantsResponse { participants })
        }
        "CreateDispatch" => {
            let asked = proto::CreateAgentDispatchRequest::decode(body).unwrap();
            protobuf(&proto::AgentDispatch {
                id: format!("AD_{}", asked.room),
                agent_name: asked.agent_name,
                room: asked.room,
                metadata: asked.metadata,
                ..proto::AgentDispatch::default()
            })
        }
        "ListDispatch" => protobuf(&proto::ListAgentDispatchResponse::default()),
        "SendData" => protobuf(&proto::SendDataResponse::default()),
        // Whoever is asked whether it lives does.
        "PerformRpc" => axum::Json(serde_json::json!({"payload": ""})).into_response(),
        _ => {
            let problem = serde_json::json!({"code": "not_found", "msg": "not known here"});
            (StatusCode::NOT_FOUND, axum::Json(problem)).into_response()
        }
    }
}

fn protobuf(message: &impl Message) -> Response {
    (
        [(CONTENT_TYPE, "application/protobuf")],
        message.encode_to_vec(),
    )
        .into_response()
}

/// A room as LiveKit lists it, with as many codecs.
fn listed((name, room): (&String, &Room)) -> proto::Room {
    let codec = |mime: &str| proto::Codec {
        mime: mime.into(),
        ..proto::Codec::default()
    };
    proto::Room {
        sid: room.sid.clone(),
        name: name.clone(),
        creation_time: super::BEGAN / 1_000,
        creation_time_ms: super::BEGAN,
        enabled_codecs: super::CODECS.map(codec).to_vec(),
        num_participants: u32::from(room.caller),
        num_publishers: u32::from(room.caller) + u32::from(room.agent),
        ..proto::Room::default()
    }
}

impl Room {
    fn people(&self, name: &str) -> Vec<proto::ParticipantInfo> {
        let one = |kind: proto::participant_info::Kind, what: &str| {
            let track = proto::TrackInfo {
                sid: format!("TR_{what}_{name}"),
                r#type: proto::TrackType::Audio.into(),
                source: proto::TrackSource::Microphone.into(),
                ..proto::TrackInfo::default()
            };
            proto::ParticipantInfo {
                sid: format!("PA_{what}_{name}"),
                identity: format!("{what}-{name}"),
                state: proto::participant_info::State::Active.into(),
                joined_at: super::BEGAN / 1_000,
                joined_at_ms: super::BEGAN,
                kind: kind.into(),
                tracks: vec![track],
                ..proto::ParticipantInfo::default()
            }
        };
        let caller = one(proto::participant_info::Kind::Standard, "user");
        let agent = one(proto::participant_info::Kind::Agent, "agent");
        let there = [(self.caller, caller), (self.agent, agent)];
        there
            .into_iter()
            .filter_map(|(is_there, one)| is_there.then_some(one))
            .collect()
    }
}
