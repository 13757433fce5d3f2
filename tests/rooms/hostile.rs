//! Callers who send what no regular client sends.

use std::time::{Duration, SystemTime};

use livekit::StreamByteOptions;
use livekit::StreamWriter as _;
use livekit::prelude::{DataPacket, PerformRpcData, RoomEvent, TrackSource};
use livekit::{RoomOptions, StreamTextOptions};
use livekit_api::access_token::{AccessToken, VideoGrants};
use sidetone::room::dtmf;
use sidetone_base::clock;
use sidetone_base::hand::METHOD;
use sidetone_base::leave::LeaveBy;
use sidetone_base::signed::Address;
use sidetone_call::transport::Key;
use sidetone_config::env::LiveKit;
use sidetone_control_plane::dispatch::leave::{LEAVE_TOPIC, request};
use sidetone_control_plane::server_api::{Answer, ServerApi};
use sidetone_testkit::Endpoint;
use tokio::task::JoinSet;

use super::gate::Gate;
use super::person::{Person, Sounding};
use super::{ANSWER, House, granted};
use crate::calls::until;
use crate::support::claims;

/// Unpacked size of a message whose compressed size is some tens of kilobytes.
const BOMB: usize = 64 * 1024 * 1024;
/// The memory that reading it may take: a piece of it is unpacked before its size is known.
const COST: u64 = 40 * 1024 * 1024;

/// Sends this as audio recorded before the call, in the name of `track`.
async fn said_before(person: &Person, track: &Sounding, bytes: &[u8]) {
    let mut options = StreamByteOptions::new_with_topic("lk.agent.pre-connect-audio-buffer");
    options.mime_type = Some("audio/webm;codecs=opus".into());
    options.attributes = [("trackId", track.publication.sid().to_string())]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
    let participant = person.room.local_participant();
    let writer = participant.stream_bytes(options).await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_sends_bombs_is_still_answered() {
    let house = House::open().await;
    let granted = granted(&house.served).await;
    let mut eve = Person::join(&granted.url, &granted.token).await;
    let microphone = eve.publish(TrackSource::Microphone, true).await;
    until("the agent", || eve.agent()).await;
    // A few bytes, with laced blocks of empty frames: minutes of audio if taken literally.
    let mut laced = vec![
        0x1A, 0x45, 0xDF, 0xA3, 0x80, 0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0x16, 0x54, 0xAE, 0x6B, 0x8D, 0xAE, 0x8B, 0xD7, 0x81, 0x01, 0x86, 0x86, b'A',
        b'_', b'O', b'P', b'U', b'S',
    ];
    laced.extend([0xA3, 0x85, 0x81, 0, 0, 0x04, 0xFF].repeat(4_000));
    said_before(&eve, &microphone, &laced).await;
    eve.sees("listening").await;
    let before = house.served.most_memory();
    eve.writes(&"a".repeat(BOMB)).await;
    eve.writes("What are your opening hours?").await;
    eve.reads(ANSWER).await;
    let cost = house.served.most_memory() - before;
    eprintln!("a message of {BOMB} bytes took {cost}");
    assert!(cost < COST, "it took {cost} bytes");
    let log = house.served.log();
    assert!(log.contains("its blocks are laced"), "{log}");
    assert!(log.contains("a chat message"), "{log}");
    eve.leave().await;
}

/// E7 of the field trial: each of a hundred messages used to be a request to the model.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_messages_is_a_few_requests_and_one_note() {
    let house = House::open().await;
    let (_, eve) = house.caller().await;
    for n in 0..100 {
        eve.writes(&format!("{n} {}", "word ".repeat(2_800))).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eve.reads("Please wait a moment").await;
    // The next message within the limit is answered.
    tokio::time::sleep(Duration::from_secs(4)).await;
    house.provider.default_answer("And on Sunday at ten.");
    eve.writes("What are your opening hours?").await;
    eve.reads("And on Sunday at ten.").await;
    let asked = house.provider.requests_to(Endpoint::Chat).len();
    assert!(asked <= 8, "{asked} requests");
    assert_eq!(eve.words().matches("Please wait a moment").count(), 1);
    eve.leave().await;
}

/// E7 with telephone keys, which any client can send: each of these ends a turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_keys_is_few_turns_and_one_line_of_the_log() {
    let house = House::open().await;
    let (granted, eve) = house.caller().await;
    let hash = dtmf(Key::new('#').unwrap());
    for _ in 0..300 {
        let participant = eve.room.local_participant();
        participant.publish_dtmf(hash.clone()).await.unwrap();
    }
    let told = "keys are not taken";
    until(told, || house.served.log().contains(told).then_some(())).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    eve.writes("What are your opening hours?").await;
    eve.reads(ANSWER).await;
    let id = granted.call_id.as_deref().unwrap();
    let call = house.served.call_of(id).await;
    let turns = call["turns"].as_array().unwrap();
    let texts = turns.iter().filter_map(|turn| turn["text"].as_str());
    let keys: usize = texts.map(|text| text.matches("Keys pressed").count()).sum();
    assert!((1..=80).contains(&keys), "{keys} keys in turns");
    assert_eq!(house.served.log().matches(told).count(), 1);
    eve.leave().await;
}

/// E3 with RPC requests: LiveKit's client reads each to its end, whoever sends it.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_never_end_take_no_memory() {
    const REQUESTS: usize = 60;
    const BYTES: usize = 1024 * 1024;
    let house = House::open().await;
    let (granted, ada) = house.caller().await;
    let agent = ada.agent().unwrap();
    let room = claims(&granted.token)["video"]["room"].clone();
    let token = super::person::token(&house.livekit, room.as_str().unwrap(), "eve");
    let eve = Person::join(&house.livekit.url, &token).await;
    let before = house.served.most_memory();
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let options = StreamTextOptions::new_with_topic("lk.rpc_request");
        let writer = eve.room.local_participant().stream_text(options).await;
        requests.spawn(async move {
            let writer = writer.unwrap();
            for _ in 0..BYTES / 10_000 {
                writer.write(&"a".repeat(10_000)).await.unwrap();
            }
            writer
        });
    }
    // They are kept open.
    let _writers = requests.join_all().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let cost = house.served.most_memory() - before;
    eprintln!("{REQUESTS} requests of {BYTES} bytes took {cost}");
    assert!(cost < COST, "they took {cost} bytes");
    // A participant who is not the caller is refused, and the caller is heard.
    let press = |room: &livekit::Room| {
        let press = PerformRpcData::new(agent.identity(), "mute");
        let participant = room.local_participant();
        async move { participant.perform_rpc(press).await }
    };
    assert_eq!(press(&ada.room).await.unwrap(), "");
    ada.writes("What are your opening hours?").await;
    ada.reads(ANSWER).await;
    assert!(
        house
            .served
            .log()
            .contains("data packets of participants were dropped")
    );
    eve.leave().await;
    ada.leave().await;
}

/// E12: a hidden participant sends without a name, like LiveKit's server.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_in_the_control_planes_name() {
    let house = House::open().await;
    let (granted, ada) = house.caller().await;
    let room = claims(&granted.token)["video"]["room"].clone();
    let grants = VideoGrants {
        room_join: true,
        hidden: true,
        room: room.as_str().unwrap().into(),
        ..VideoGrants::default()
    };
    let token = AccessToken::with_api_key(&house.livekit.api_key, &house.livekit.api_secret)
        .with_identity("eve")
        .with_grants(grants)
        .to_jwt()
        .unwrap();
    let (eve, _events) = livekit::Room::connect(&house.livekit.url, &token, RoomOptions::default())
        .await
        .unwrap();
    let forged = DataPacket {
        payload: b"{\"recording\": \"\", \"paused\": true}".to_vec(),
        topic: Some("sidetone.recording".into()),
        reliable: true,
        ..DataPacket::default()
    };
    eve.local_participant().publish_data(forged).await.unwrap();
    until("the forgery in the log", || {
        let log = house.served.log();
        log.contains("was not taken for the control plane's")
            .then_some(())
    })
    .await;
    eve.close().await.unwrap();
    ada.leave().await;
}

/// What a client sends again after it had lost its connection counts once.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_sender_was_away_in_the_middle_is_read_once() {
    let house = House::open().await;
    let granted = granted(&house.served).await;
    let gate = Gate::before(&house.livekit).await;
    let mut ada = Person::join(&gate.url, &granted.token).await;
    ada.publish(TrackSource::Microphone, false).await;
    ada.sees("listening").await;
    let options = StreamTextOptions::new_with_topic("lk.chat");
    let message = ada.room.local_participant().stream_text(options).await;
    let message = message.unwrap();
    message.write("What are your ").await.unwrap();
    let mut events = ada.room.subscribe();
    gate.cut(0);
    while !matches!(events.recv().await, Some(RoomEvent::Reconnected)) {}
    message.write("opening hours?").await.unwrap();
    message.close().await.unwrap();
    ada.reads(ANSWER).await;
    let asked = house.provider.requests_to(Endpoint::Chat).pop().unwrap();
    let asked = asked.body.to_string();
    assert_eq!(asked.matches("What are your opening hours?").count(), 1);
    ada.leave().await;
}

/// The clock of a worker, or of its control plane, is hours off.
#[tokio::test(flavor = "multi_thread")]
async fn orders_of_another_time_are_not_obeyed_and_the_log_says_why() {
    const HOURS: Duration = Duration::from_secs(3 * 3_600);
    let house = House::open().await;
    let (granted, ada) = house.caller().await;
    let agent = ada.agent().unwrap().identity().to_string();
    let livekit = &house.livekit;
    let keys = LiveKit::new(&*livekit.url, &*livekit.api_key, &*livekit.api_secret);
    let (server, room) = (ServerApi::new(&keys), ada.room.name());
    // LiveKit makes one of its own, for agents without a name.
    let mut dispatches = server.dispatches(&room).await.unwrap().into_iter();
    let ours = dispatches.find(|one| one.agent_name == "sidetone");
    let dispatch = ours.unwrap().id;
    let sign = |topic: &str, at: SystemTime, body: String| {
        let call = granted.call_id.as_deref().unwrap();
        let to = Address {
            room: &room,
            topic,
            call,
        };
        server.signer().sign(to, at, body)
    };
    let leaves = async |at| {
        let order = request(&dispatch, LeaveBy::ASKED).to_string();
        let order = sign(LEAVE_TOPIC, at, order);
        let agents = vec![agent.clone()];
        server
            .send(&room, LEAVE_TOPIC, agents, &order)
            .await
            .unwrap();
    };
    let now = clock::wall();
    for at in [now - HOURS, now + HOURS] {
        leaves(at).await;
        let ends = || sign(METHOD, at, r#"{"id":"1","command":{"type":"end"}}"#.into()).to_string();
        let within = Duration::from_secs(2);
        let answer = server.ask(&room, &agent, METHOD, within, ends).await;
        let Answer::Unknown(why) = answer else {
            panic!("{answer:?}");
        };
        assert!(why.contains("are both clocks right?"), "{why}");
    }
    for what in ["a message", "an order"] {
        let told = format!("{what} was not taken for the control plane's");
        until(&told, || house.served.log().contains(&told).then_some(())).await;
    }
    ada.writes("What are your opening hours?").await;
    ada.reads(ANSWER).await;
    // The same order with the right time.
    leaves(clock::wall()).await;
    until("the agent gone", || ada.agent().is_none().then_some(())).await;
    ada.leave().await;
}
