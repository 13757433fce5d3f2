//! LiveKit's events of calls that come and go, posted to a control plane as LiveKit posts them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::stream::{self, StreamExt as _};
use livekit_api::access_token::AccessToken;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sidetone_store::{CallType, DispatchMetadata, EPOCH_ATTRIBUTE, NewCall, Store};
use tokio::time::Instant;
use uuid::Uuid;

use super::livekit::LiveKit;
use super::plane::Plane;
use super::{BEGAN, KEY, SECRET, began, now};

/// What LiveKit tells of a call with one caller and one agent, in this order.
const STORY: [(&str, Who); 10] = [
    ("room_started", Who::Nobody),
    ("participant_joined", Who::Caller),
    ("track_published", Who::Caller),
    ("participant_joined", Who::Agent),
    ("track_published", Who::Agent),
    ("track_unpublished", Who::Caller),
    ("participant_left", Who::Caller),
    ("track_unpublished", Who::Agent),
    ("participant_left", Who::Agent),
    ("room_finished", Who::Nobody),
];
/// Events of a call.
pub const EVENTS: usize = STORY.len();
/// Calls whose events come in turn, so that those of one call are not posted together.
const SIDE_BY_SIDE: usize = 50;
/// Events on their way at once, where they come as fast as they are taken.
const POSTERS: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    Caller,
    Agent,
}

/// An event that is ready to be posted.
pub struct Event {
    room: String,
    name: &'static str,
    who: Who,
    body: String,
    signature: String,
}

/// How fast events come.
#[derive(Clone, Copy)]
pub enum Pace {
    /// As fast as they are taken.
    Full,
    /// So many a second.
    EachSecond(f64),
}

/// What posting came to.
pub struct Posted {
    /// From the first event until the last was taken.
    pub took: Duration,
    /// How long the control plane took to take each.
    pub taken: Vec<Duration>,
    /// Events that it did not take.
    pub refused: usize,
}

/// The events of so many new calls. Each call has its row and awaits an agent, as after a token was given.
pub async fn prepare(store: &Store, run: &str, calls: usize) -> Vec<Event> {
    let rooms: Vec<String> = (0..calls).map(|n| format!("{run}-{n}")).collect();
    stream::iter(&rooms)
        .for_each_concurrent(8, |room| async move {
            let call = NewCall {
                id: Uuid::new_v4(),
                room_name: room.clone(),
                caller_id: format!("user-{room}"),
                callee_id: None,
                call_type: CallType::Support,
                metadata: json!({}),
                created_at: began(),
            };
            let call = store.create_call(&call).await.unwrap();
            let metadata = DispatchMetadata::default();
            let now = sidetone_store::now();
            store
                .await_agent(room, call.id, &metadata, now)
                .await
                .unwrap();
        })
        .await;
    let blocks = rooms.chunks(SIDE_BY_SIDE);
    blocks
        .flat_map(|block| {
            (0..EVENTS).flat_map(move |n| block.iter().map(move |room| event(room, n)))
        })
        .collect()
}

fn event(room: &str, n: usize) -> Event {
    let (name, who) = STORY[n];
    let second = BEGAN / 1_000 + n as i64;
    let (what, kind) = match who {
        Who::Caller => ("user", "STANDARD"),
        Who::Agent | Who::Nobody => ("agent", "AGENT"),
    };
    let is_track = name.starts_with("track");
    let mut body = json!({
        "event": name,
        "id": format!("EV_{room}-{n}"),
        "createdAt": second.to_string(),
        "room": {"sid": format!("RM_{room}"), "name": room},
    });
    // LiveKit says little of room and participant with a track.
    if !is_track {
        let room = body["room"].as_object_mut().unwrap();
        room.insert("emptyTimeout".into(), 300.into());
        room.insert("departureTimeout".into(), 20.into());
        room.insert("creationTime".into(), (BEGAN / 1_000).to_string().into());
        room.insert("creationTimeMs".into(), BEGAN.to_string().into());
        room.insert(
            "turnPassword".into(),
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".into(),
        );
        room.insert(
            "enabledCodecs".into(),
            super::CODECS
                .iter()
                .map(|mime| json!({"mime": mime}))
                .collect(),
        );
    }
    if who != Who::Nobody {
        let mut participant =
            json!({"sid": format!("PA_{what}_{room}"), "identity": format!("{what}-{room}")});
        if !is_track {
            let more = json!({"state": "ACTIVE", "joinedAt": (BEGAN / 1_000).to_string(),
                "joinedAtMs": BEGAN.to_string(), "name": "Ann", "version": 2, "kind": kind,
                "permission": {"canSubscribe": true, "canPublish": true, "canPublishData": true},
                // Of any asking.
                "attributes": {EPOCH_ATTRIBUTE: "1000"}});
            let Value::Object(more) = more else {
                unreachable!()
            };
            participant.as_object_mut().unwrap().extend(more);
        }
        body["participant"] = participant;
    }
    if is_track {
        body["track"] = json!({"sid": format!("TR_{what}_{room}"), "name": "mic", "source": "MICROPHONE",
            "mimeType": "audio/red", "mid": "7", "stream": "camera",
            "version": {"unixMicro": (BEGAN * 1_000).to_string()}, "backupCodecPolicy": "SIMULCAST"});
    }
    let body = body.to_string();
    let signature = AccessToken::with_api_key(KEY, SECRET)
        .with_sha256(&STANDARD.encode(Sha256::digest(body.as_bytes())))
        .to_jwt()
        .unwrap();
    Event {
        room: room.to_owned(),
        name,
        who,
        body,
        signature,
    }
}

/// Posts events, in their order.
pub async fn post(plane: &Plane, livekit: &LiveKit, events: Vec<Event>, pace: Pace) -> Posted {
    let count = events.len();
    let begin = now();
    let due = |n: usize| match pace {
        Pace::Full => begin,
        Pace::EachSecond(rate) => begin + Duration::from_secs_f64(n as f64 / rate),
    };
    let at_once = match pace {
        Pace::Full => POSTERS,
        // As many as it takes: LiveKit does not wait for one room before it tells of another.
        Pace::EachSecond(_) => 256,
    };
    let taken: Vec<Option<Duration>> = stream::iter(events.into_iter().enumerate())
        .map(|(n, event)| async move {
            tokio::time::sleep_until(Instant::from_std(due(n))).await;
            happens(livekit, &event);
            let sent = now();
            let taken = plane.post(event.body, &event.signature).await;
            taken.then(|| now() - sent)
        })
        .buffered(at_once)
        .collect()
        .await;
    let took = now() - begin;
    let taken: Vec<Duration> = taken.into_iter().flatten().collect();
    Posted {
        took,
        refused: count - taken.len(),
        taken,
    }
}

/// LiveKit's server shows what it tells.
fn happens(livekit: &LiveKit, event: &Event) {
    livekit.room(&event.room, |room| {
        room.sid = format!("RM_{}", event.room);
        match (event.name, event.who) {
            ("participant_joined", Who::Caller) => room.caller = true,
            ("participant_joined", Who::Agent) => room.agent = true,
            ("participant_left", Who::Caller) => room.caller = false,
            ("participant_left", Who::Agent) => room.agent = false,
            _ => {}
        }
    });
}
