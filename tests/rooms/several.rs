//! An agent that hears everybody in its room (`several_speakers`), with a real livekit-server and two people.

use std::collections::HashSet;

use livekit::prelude::{RoomEvent, TrackSource};
use livekit_api::access_token::{AccessToken, VideoGrants};
use serde_json::{Value, json};
use sidetone_testkit::fake_openai::Endpoint;
use sidetone_testkit::{LiveKitServer, Timing};

use super::found::{House, ROOM};
use super::person::Person;
use crate::calls::stage::sound;
use crate::support::eventually;

/// A sentence without pauses; what its words are is the fake provider's to say.
const SENTENCE: &str = "caller-opening-hours.wav";

/// What opens the room for somebody with a name.
fn token(server: &LiveKitServer, identity: &str, name: &str) -> String {
    AccessToken::with_api_key(&server.api_key, &server.api_secret)
        .with_identity(identity)
        .with_name(name)
        .with_grants(VideoGrants {
            room_join: true,
            room: ROOM.to_owned(),
            ..VideoGrants::default()
        })
        .to_jwt()
        .unwrap()
}

/// The messages of the last question to the model, without its prompt.
fn last_asked(house: &House) -> Vec<String> {
    let asked = house.provider.requests_to(Endpoint::Chat).pop().unwrap();
    let messages = asked.body["messages"].as_array().unwrap().iter();
    let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
    messages.skip(1).map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_in_the_room_is_heard_by_name() {
    let house = House::open_with("several_speakers = true\n", &[]).await;
    house.provider.set_timing(Timing::INSTANT);
    let token = |identity, name| token(&house.livekit, identity, name);
    let url = &house.livekit.url;
    let mut ada = Person::join(url, &token("user-1", "Ada")).await;
    let adas = ada.publish(TrackSource::Microphone, false).await;
    let mut captions = ada.room.subscribe();
    house.dispatch("").await;
    ada.reads("Welcome, stranger.").await;
    ada.sees("listening").await;
    let mut bob = Person::join(url, &token("user-2", "Bob")).await;
    let bobs = bob.publish(TrackSource::Microphone, false).await;
    bob.sees("listening").await;

    house.provider.default_transcript("I would like a table.");
    house.provider.default_answer("For how many people?");
    adas.say(&sound(SENTENCE)).await;
    ada.reads("For how many people?").await;
    ada.sees("listening").await;
    assert_eq!(
        last_asked(&house)[1..],
        ["I would like a table."],
        "one has spoken"
    );

    let long = "Very well. A table for three it is, at the window, from eight o'clock on, and we keep it for you \
                until a quarter past eight. Is there anything else that I can do for you today?";
    house.provider.default_transcript("For the three of us.");
    house.provider.default_answer(long);
    bobs.say(&sound(SENTENCE)).await;
    bob.reads("Very well.").await;
    let expected = [
        "Welcome, stranger.",
        "Ada: I would like a table.",
        "For how many people?",
        "Bob: For the three of us.",
    ];
    assert_eq!(last_asked(&house), expected);

    // Ada interrupts what is said to Bob.
    house.provider.default_transcript("Make it nine please.");
    house.provider.default_answer("At nine, then.");
    adas.say(&sound(SENTENCE)).await;
    ada.reads("At nine, then.").await;
    let asked = last_asked(&house);
    assert_eq!(
        asked.last().unwrap(),
        "Ada: Make it nine please.",
        "{asked:?}"
    );
    ada.sees("listening").await;

    // Who began the call leaves, and the call goes on with the other.
    ada.leave().await;
    eventually("the agent has seen it", 40, || async {
        let log = house.served.log();
        log.contains("the others go on with the call").then_some(())
    })
    .await;
    house.provider.default_transcript("Do you still hear me?");
    house.provider.default_answer("Yes, I do.");
    bobs.say(&sound(SENTENCE)).await;
    bob.reads("Yes, I do.").await;
    bob.sees("listening").await;
    house.provider.default_answer("This, too.");
    bob.writes("And this?").await;
    bob.reads("This, too.").await;
    assert_eq!(last_asked(&house).last().unwrap(), "Bob: And this?");
    bob.sees("listening").await;
    bob.leave().await;

    let call = house
        .call_when("the call is over", |call| call["status"] == "completed")
        .await;
    let turns = call["turns"].as_array().unwrap();
    let said: Vec<_> = turns
        .iter()
        .filter(|turn| turn["speaker"] == "user")
        .map(|turn| (turn["participantName"].clone(), turn["userId"].clone()))
        .collect();
    let (ada, bob) = (("Ada", "user-1"), ("Bob", "user-2"));
    let expected = [ada, bob, ada, bob, bob].map(|(name, id)| (json!(name), json!(id)));
    assert_eq!(said, expected, "{call:#}");
    let is_cut = |turn: &&Value| turn["interrupted"] == true && turn["speaker"] == "agent";
    let cut: Vec<_> = turns.iter().filter(is_cut).collect();
    assert_eq!(cut.len(), 1, "{call:#}");
    assert!(
        cut[0]["text"].as_str().unwrap().starts_with("Very well."),
        "{call:#}"
    );
    let transcript = call["transcript"].as_str().unwrap();
    assert!(
        transcript.contains("Bob: For the three of us."),
        "{transcript}"
    );

    // Captions are everybody's own.
    let mut writers = HashSet::new();
    while let Ok(event) = captions.try_recv() {
        if let RoomEvent::TextStreamOpened {
            topic,
            participant_identity,
            ..
        } = event
            && topic == "lk.transcription"
        {
            writers.insert(participant_identity.to_string());
        }
    }
    for who in ["user-1", "user-2"] {
        assert!(writers.contains(who), "{writers:?}");
    }
}
