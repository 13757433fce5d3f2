//! Problems in rooms: reconnections, tracks that are not microphones, encrypted and hostile callers, servers behind
//! TLS. Each test uses a real livekit-server and a real participant.

mod attributes;
pub mod binary;
mod dialled;
mod encryption;
mod found;
pub mod gate;
mod holding;
mod hostile;
mod memory;
pub mod person;
mod phone;
mod posts;
mod quality;
mod several;
mod standing;
mod stranger;
mod tls;
mod warm;

use std::process::Stdio;
use std::time::Duration;

use livekit::prelude::{ConnectionState, PerformRpcData, TrackSource};
use sidetone::caller::access::{Access, Granted, TokenRequest};
use sidetone::room::{self as livekit_room, agent::Commission, quality::Quality};
use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;
use sidetone_base::signed::{Inbox, Key};
use sidetone_base::tap::Tap;
use sidetone_call::transport::{Dismissal, RoomEvent, link};
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};

use crate::calls::stage::{Stage, sound};
use crate::calls::until;
use crate::support::{claims, tools};
use binary::Served;
use gate::Gate;
use person::Person;

/// Any speech; the fake provider determines the words.
const QUESTION: &str = "cards-five-five.wav";
const ANSWER: &str = "We open at nine.";

fn asks_for_hours(provider: &FakeOpenAi) {
    provider.default_transcript("What are your opening hours?");
    provider.default_answer(ANSWER);
}

/// For agents without commands from a control plane.
fn commission(livekit: &LiveKitServer) -> Commission {
    Commission {
        dispatch_id: String::new(),
        inbox: Inbox::new(Key::of(&livekit.api_secret), "room", "call"),
        standing: None,
        encryption: None,
        holding: None,
        quality: Quality::default(),
        is_dialled: false,
        several: None,
        overheard: None,
    }
}

/// Ada's access to a call with the default agent.
async fn granted(served: &Served) -> Granted {
    let access = Access::Server {
        server: format!("http://{}", served.address),
        api_key: None,
        request: TokenRequest {
            room_type: "support".into(),
            participant_name: "Ada".into(),
            ..TokenRequest::default()
        },
    };
    access.obtain().await.unwrap()
}

/// The agent's process, its LiveKit, and a provider that knows the opening hours.
struct House {
    livekit: LiveKitServer,
    provider: FakeOpenAi,
    served: Served,
}

impl House {
    async fn open() -> Self {
        let livekit = LiveKitServer::start().await.unwrap();
        let provider = FakeOpenAi::start(Timing::default()).await;
        asks_for_hours(&provider);
        let served = Served::start(&livekit, &provider, &[]).await;
        Self {
            livekit,
            provider,
            served,
        }
    }

    /// A caller whose microphone is silent, and whose agent listens.
    async fn caller(&self) -> (Granted, Person) {
        let granted = granted(&self.served).await;
        let mut caller = Person::join(&granted.url, &granted.token).await;
        caller.publish(TrackSource::Microphone, false).await;
        caller.sees("listening").await;
        (granted, caller)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_joined_anew_hears_its_caller_again() {
    let livekit = LiveKitServer::start().await.unwrap();
    let gate = Gate::before(&livekit).await;
    let stage = Stage::set_behind(livekit, gate.url.clone()).await;
    asks_for_hours(&stage.provider);
    let granted = stage.access().obtain().await.unwrap();
    // The caller's own connection is not affected.
    let mut ada = Person::join(&stage.livekit.url, &granted.token).await;
    let microphone = ada.publish(TrackSource::Microphone, false).await;
    let before = ada.sees("listening").await;

    gate.cut(1);
    let agent = until("another session of the agent", || {
        ada.agent().filter(|agent| agent.sid() != before.sid())
    })
    .await;
    assert_eq!(agent.identity(), before.identity());
    ada.sees("listening").await;
    // Right after the reconnection, the caller may not hear the agent yet.
    tokio::time::sleep(Duration::from_secs(1)).await;
    microphone.say(&sound(QUESTION)).await;
    ada.reads(ANSWER).await;
    let press = PerformRpcData::new(agent.identity(), "mute");
    ada.room
        .local_participant()
        .perform_rpc(press)
        .await
        .unwrap();
    ada.leave().await;
    stage.strike().await;
}

/// The same participant with a token from another backend: ours allows only a microphone.
fn allowed_all(granted: Granted, livekit: &LiveKitServer) -> Granted {
    let claims = claims(&granted.token);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let (room, identity) = (text(&claims["video"]["room"]), text(&claims["sub"]));
    Granted {
        token: person::token(livekit, &room, &identity),
        ..granted
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_screen_with_sound_does_not_take_the_microphones_place() {
    let stage = Stage::set().await;
    asks_for_hours(&stage.provider);
    let granted = allowed_all(stage.access().obtain().await.unwrap(), &stage.livekit);
    let mut ada = Person::join(&granted.url, &granted.token).await;
    let microphone = ada.publish(TrackSource::Microphone, false).await;
    ada.sees("listening").await;
    let screen = ada.publish(TrackSource::ScreenshareAudio, false).await;
    // It takes a while to see that nothing happens.
    tokio::time::sleep(Duration::from_millis(500)).await;
    microphone.say(&sound(QUESTION)).await;
    ada.reads(ANSWER).await;

    ada.room
        .local_participant()
        .unpublish_track(&screen.publication.sid())
        .await
        .unwrap();
    stage.provider.default_answer("And on Sunday at ten.");
    ada.sees("listening").await;
    microphone.say(&sound(QUESTION)).await;
    ada.reads("And on Sunday at ten.").await;
    ada.leave().await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_to_leave_is_not_for_an_agent_that_is_on_its_way_back() {
    let livekit = LiveKitServer::start().await.unwrap();
    let gate = Gate::before(&livekit).await;
    let join = async |identity| {
        let token = person::token(&livekit, "orders", identity);
        livekit_room::join(&gate.url, &token, false).await.unwrap()
    };
    for (is_away, identity) in [(false, "there"), (true, "away")] {
        let (room, events) = join(identity).await;
        let (mut link, driver) = link();
        let dismissal = Dismissal::default();
        let order = dismissal.clone();
        let (tap, sent) = (Tap::default(), commission(&livekit));
        let drive = livekit_room::agent::drive(&room, events, driver, tap, dismissal, sent);
        let ordered = async {
            until("the agent's voice in the room", || {
                let published = room.local_participant().track_publications();
                published.into_values().next()
            })
            .await;
            if is_away {
                gate.cut(1_000);
                until("the room is lost", || {
                    (room.connection_state() == ConnectionState::Reconnecting).then_some(())
                })
                .await;
            }
            let by = LeaveBy::within(clock::now(), LeaveBy::TERMINATED);
            order.ordered.give(by);
            if is_away {
                order.declined.cancelled().await;
                assert!(link.events.try_recv().is_err());
            } else {
                assert_eq!(link.events.recv().await, Some(RoomEvent::Dismissed(by)));
                assert!(!order.declined.is_cancelled());
            }
        };
        tokio::select! {
            driven = drive => panic!("the room is over: {driven:?}"),
            () = ordered => {}
        }
        livekit_room::close(&room).await;
    }
}

/// LiveKit's Python SDK as a caller, because this crate's client has no video.
async fn python(granted: &Granted) -> serde_json::Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/odd_caller.py");
    let peer = tokio::process::Command::new(tools().join("python/bin/python"))
        .args([script, &granted.url, &granted.token])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(60), peer)
        .await
        .expect("the Python peer ends within a minute")
        .unwrap();
    serde_json::from_slice(&output.stdout).expect("the Python peer reports")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_is_muted_leaves_the_microphone_on() {
    let livekit = LiveKitServer::start().await.unwrap();
    let token = |identity| person::token(&livekit, "camera", identity);
    let (room, events) = livekit_room::join(&livekit.url, &token("agent"), false)
        .await
        .unwrap();
    let (mut link, driver) = link();
    let (tap, dismissal) = (Tap::default(), Dismissal::default());
    let sent = commission(&livekit);
    let drive = livekit_room::agent::drive(&room, events, driver, tap, dismissal, sent);
    let caller = Granted {
        url: livekit.url.clone(),
        token: token("ada"),
        call_id: None,
    };
    // It mutes its camera, and a little later its microphone.
    let called = async {
        let seen = python(&caller).await;
        assert_eq!(seen["muted"], true, "{seen}");
        let mut mutes = Vec::new();
        let quiet = Duration::from_secs(2);
        while let Ok(Some(event)) = tokio::time::timeout(quiet, link.events.recv()).await {
            if let RoomEvent::MicMuted(muted) = event {
                mutes.push(muted);
            }
        }
        assert_eq!(mutes, [true]);
    };
    tokio::select! {
        driven = drive => panic!("the room is over: {driven:?}"),
        () = called => {}
    }
    livekit_room::close(&room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_place_is_taken_has_lost_its_connection() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = FakeOpenAi::start(Timing::default()).await;
    let served = Served::start(&livekit, &provider, &[]).await;
    let granted = granted(&served).await;
    let ada = Person::join(&granted.url, &granted.token).await;
    let agent = ada.sees("listening").await;
    let token = person::token(&livekit, &ada.room.name(), agent.identity().as_str());
    let other = Person::join(&livekit.url, &token).await;
    assert_eq!(served.end_of_call().await, "connection_lost");
    other.leave().await;
    ada.leave().await;
}
