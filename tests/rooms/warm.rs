//! A caller is put through to a person who is told first what it is about. The person's telephone does as LiveKit's
//! SIP service has it do: it is in the room with its track while it rings, and hears others once it is answered.

use std::time::Duration;

use futures::StreamExt as _;
use livekit::SipDTMF;
use livekit::prelude::*;
use livekit::webrtc::audio_stream::native::NativeAudioStream;
use serde_json::{Value, json};
use sidetone_base::audio::pcm::level_dbfs;
use sidetone_testkit::Endpoint;
use sidetone_testkit::fake_openai::Answer;

use super::dialled::{Ringing, Telephones, house, says_of_itself, telephone};
use super::found::{House, ROOM};
use super::person::{self, Person, Sounding};
use crate::calls::stage::sound;
use crate::calls::until;
use crate::support::eventually;

const KEYS: &str = "[tools.transfer]\nfailed = \"Nobody is free.\"\n\
                    [tools.transfer.targets.sales]\nabout = \"Prices.\"\n\
                    phone = \"tel:+4930999\"\nwarm = true\ntrunk = \"ST_1\"\n";
const SUMMARY: &str = "Ada asks what a cake costs.";

/// A caller who is to be put through to sales, whose telephone rings.
struct Called {
    house: House,
    _telephones: Telephones,
    ada: Person,
    microphone: Sounding,
    phone: Person,
    line: Sounding,
    ringing: Ringing,
}

impl Called {
    async fn ring() -> Self {
        let (house, mut telephones) = house(KEYS).await;
        let arguments = json!({"to": "sales", "say": "I call sales for you."});
        let transfer = Answer::tool_call("call_1", "transfer", &arguments);
        house.provider.answer_to("to a colleague", SUMMARY);
        house.provider.script_answer(transfer);
        let token = person::token(&house.livekit, ROOM, "ada");
        let mut ada = Person::join(&house.livekit.url, &token).await;
        let microphone = ada.publish(TrackSource::Microphone, false).await;
        house.dispatch("").await;
        ada.reads("Welcome, stranger.").await;
        ada.sees("listening").await;
        ada.writes("I want to talk with sales.").await;
        let ringing = telephones.rings().await;
        assert_eq!(ringing.asked.sip_trunk_id, "ST_1");
        assert_eq!(ringing.asked.sip_call_to, "+4930999");
        assert_eq!(ringing.asked.room_name, ROOM);
        let mut phone = telephone(&house.livekit, &ringing.asked).await;
        let line = phone.publish(TrackSource::Microphone, false).await;
        says_of_itself(&phone, "ringing").await;
        Self {
            house,
            _telephones: telephones,
            ada,
            microphone,
            phone,
            line,
            ringing,
        }
    }

    /// Somebody answers.
    async fn answer(self) -> Briefed {
        // It rings once.
        tokio::time::sleep(Duration::from_secs(1)).await;
        says_of_itself(&self.phone, "active").await;
        for other in self.phone.room.remote_participants().into_values() {
            for track in other.track_publications().into_values() {
                track.set_subscribed(true);
            }
        }
        self.ringing.answer.send(None).unwrap();
        Briefed {
            house: self.house,
            ada: self.ada,
            microphone: self.microphone,
            phone: self.phone,
            line: self.line,
        }
    }
}

/// A person who has answered.
struct Briefed {
    house: House,
    ada: Person,
    microphone: Sounding,
    phone: Person,
    line: Sounding,
}

impl Briefed {
    async fn presses(&self, digit: &str, code: u32) {
        let key = SipDTMF {
            code,
            digit: digit.to_owned(),
            destination_identities: Vec::new(),
        };
        let me = self.phone.room.local_participant();
        me.publish_dtmf(key).await.unwrap();
    }

    /// What the model is told once the caller goes on.
    async fn told(&self) -> String {
        self.house.provider.default_answer("How else can I help?");
        self.ada.writes("What now?").await;
        self.ada.reads("How else can I help?").await;
        prompt_with(&self.house, "What now?")
    }
}

fn prompt_with(house: &House, words: &str) -> String {
    let asked = house.provider.requests_to(Endpoint::Chat).into_iter();
    let mut asked = asked.map(|request| request.body["messages"].to_string());
    asked.find(|messages| messages.contains(words)).unwrap()
}

/// The only track of somebody whom `person` sees.
fn track_of(person: &Person, identity: &str) -> Option<RemoteTrackPublication> {
    let others = person.room.remote_participants();
    let other = others.get(&ParticipantIdentity::from(identity.to_owned()))?;
    other.track_publications().into_values().next()
}

/// Whether `person` hears somebody within this time. A client keeps a track whose subscription the server has ended, so
/// only its sound tells.
async fn hears(person: &Person, identity: &str, within: Duration) -> bool {
    let heard = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            // Another one after a new subscription.
            let track = track_of(person, identity).and_then(|track| track.track());
            let Some(RemoteTrack::Audio(track)) = track else {
                continue;
            };
            let mut frames = NativeAudioStream::new(track.rtc_track(), 48_000, 1);
            let loud = async {
                while let Some(frame) = frames.next().await {
                    if level_dbfs(&frame.data).is_some_and(|level| level > -40.0) {
                        return true;
                    }
                }
                false
            };
            if matches!(
                tokio::time::timeout(Duration::from_secs(1), loud).await,
                Ok(true)
            ) {
                return;
            }
        }
    };
    tokio::time::timeout(within, heard).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_briefed_in_private_and_then_has_the_caller() {
    let called = Called::ring().await;
    let identity = called.ringing.asked.participant_identity.clone();
    let named = &called.ringing.asked.participant_attributes;
    assert_eq!(named["sidetone.transfer"], "sales");
    let there = called.answer().await;
    let briefing = format!("{identity}-briefing");
    let (hello, question) = (sound(super::QUESTION), sound(super::QUESTION));
    let talk = async {
        loop {
            tokio::join!(there.line.say(&hello), there.microphone.say(&question));
        }
    };
    let (long, short) = (Duration::from_secs(30), Duration::from_secs(2));
    let judge = async {
        assert!(hears(&there.phone, &briefing, long).await, "the briefing");
        let spoken = there.house.provider.requests_to(Endpoint::Speech);
        let is_spoken = |words: &str| {
            let mut spoken = spoken
                .iter()
                .map(|request| request.body["input"].to_string());
            spoken.any(|input| input.contains(words))
        };
        assert!(is_spoken(SUMMARY) && is_spoken("Press 1"));
        // Both talk all the time.
        let leaks = tokio::join!(
            hears(&there.ada, &identity, short),
            hears(&there.phone, "ada", short),
            hears(&there.ada, &briefing, short),
        );
        assert_eq!(leaks, (false, false, false), "they are kept apart");
        there.presses("1", 1).await;
        let together = tokio::join!(
            hears(&there.ada, &identity, long),
            hears(&there.phone, "ada", long),
        );
        assert_eq!(together, (true, true), "they hear one another");
    };
    tokio::select! {
        () = judge => {}
        () = talk => {}
    }
    until("the agent has left, and the briefing, too", || {
        let others = there.ada.room.remote_participants();
        (others.len() == 1).then_some(())
    })
    .await;
    assert_eq!(there.house.served.end_of_call().await, "transferred");
    let has_tool = |call: &Value| call["tools"].as_array().is_some_and(|all| !all.is_empty());
    let call = there.house.call_when("the transfer", has_tool).await;
    let last = call["tools"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["name"], &last["ok"]),
        (&json!("transfer"), &json!(true))
    );
    let result = format!("sales has taken the call, and was told: {SUMMARY}");
    assert_eq!(last["result"], result);
    there.phone.leave().await;
    there.ada.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_declines_is_hung_up_and_the_caller_is_back_with_the_agent() {
    let there = Called::ring().await.answer().await;
    there.presses("2", 2).await;
    there.ada.reads("Nobody is free.").await;
    until("the telephone is hung up", || {
        let state = there.phone.room.connection_state();
        (state == ConnectionState::Disconnected).then_some(())
    })
    .await;
    let told = there.told().await;
    assert!(
        told.contains("transfer to sales: failed, the person declined"),
        "{told}"
    );
    there.ada.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_line_brings_the_caller_back_to_the_agent() {
    let called = Called::ring().await;
    let Called {
        house,
        ada,
        ringing,
        phone,
        ..
    } = called;
    ringing.answer.send(Some((486, "Busy Here"))).unwrap();
    ada.reads("Nobody is free.").await;
    house.provider.default_answer("How else can I help?");
    ada.writes("What now?").await;
    ada.reads("How else can I help?").await;
    let told = prompt_with(&house, "What now?");
    assert!(told.contains("failed, the line was busy"), "{told}");
    phone.leave().await;
    ada.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_rings_no_more_for_a_caller_who_has_left() {
    let Called {
        house,
        _telephones,
        ada,
        phone,
        ringing,
        ..
    } = Called::ring().await;
    // A client whose socket is closed while the server writes to it, about the telephone that has just joined, resets the
    // connection, and its goodbye is lost.
    tokio::time::sleep(Duration::from_millis(500)).await;
    ada.leave().await;
    // Whoever is called has not become the caller.
    assert_eq!(house.served.end_of_call().await, "caller_hung_up");
    until("the telephone is hung up", || {
        let state = phone.room.connection_state();
        (state == ConnectionState::Disconnected).then_some(())
    })
    .await;
    ringing.answer.send(Some((487, "Request Terminated"))).ok();
    eventually("the call is over", 40, || async {
        (house.calls().await[0]["status"] == "completed").then_some(())
    })
    .await;
}
