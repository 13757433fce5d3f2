//! Calls between people, without an agent: a process listens in and records. If none can, the record says so.

use std::f32::consts::TAU;
use std::time::Duration;

use livekit::prelude::*;
use serde_json::{Value, json};
use sidetone_base::audio::Pcm;
use sidetone_testkit::recording::play;

use super::stage::{Egress, Scene, Stage, eventually};
use crate::rooms::person::{Person, Sounding};

const ANN: f32 = 440.0;
const BOB: f32 = 1_000.0;
const EVE: f32 = 1_700.0;

/// One second of a voice with a single pitch.
fn tone(hertz: f32) -> Pcm<48_000> {
    let sample = |n: i32| (TAU * hertz * n as f32 / 48_000.0).sin() * 6_000.0;
    Pcm::new((0..48_000).map(|n| sample(n) as i16).collect())
}

/// How loud this pitch is on a side, in its loudest tenth of a second: 6,000 if there is nothing else.
fn loudness(side: &[i16], hertz: f32) -> f32 {
    let of = |part: &[i16]| {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in part.iter().enumerate() {
            let at = TAU * hertz * n as f32 / 48_000.0;
            re += f32::from(*sample) * at.cos();
            im += f32::from(*sample) * at.sin();
        }
        2.0 * re.hypot(im) / part.len() as f32
    };
    side.chunks(4_800).map(of).fold(0.0, f32::max)
}

struct Talker {
    person: Person,
    sounding: Sounding,
}

impl Talker {
    async fn join(token: &Value) -> Self {
        let text = |name: &str| token[name].as_str().unwrap();
        let mut person = Person::join(text("livekitHost"), text("token")).await;
        let sounding = person.publish(TrackSource::Microphone, false).await;
        Self { person, sounding }
    }
}

/// Lets everybody talk at once until this is true.
async fn talk_until<T, F: Future<Output = Option<T>>>(
    what: &str,
    talkers: &[(&Talker, f32)],
    is_so: impl FnMut() -> F,
) -> T {
    let talking = futures::future::join_all(talkers.iter().map(async |(talker, hertz)| {
        let sound = tone(*hertz);
        loop {
            talker.sounding.say(&sound).await;
        }
    }));
    tokio::select! {
        _ = talking => unreachable!(),
        found = eventually(what, is_so) => found,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_listens_in_on_calls_between_people() {
    let stage = Stage::set(Scene::default()).await;
    let ann = stage
        .token(json!({"roomType": "conference", "participantName": "Ann"}))
        .await;
    let call = ann["callId"].as_str().unwrap().to_owned();
    let room = ann["roomName"].as_str().unwrap().to_owned();
    let others = ["bob", "eve"].map(|identity| stage.token_in(&room, identity));
    let ann = Talker::join(&ann).await;
    let [bob, eve] = [
        Talker::join(&others[0]).await,
        Talker::join(&others[1]).await,
    ];
    let all = [(&ann, ANN), (&bob, BOB), (&eve, EVE)];
    let find = async |state: &str| {
        let of_call = stage.recordings(&call).await?;
        of_call.into_iter().find(|one| one["state"] == state)
    };
    let recording = talk_until("it is recorded", &all, || find("recording")).await;
    assert_eq!(recording["mode"], "process");
    // Nobody sees who listens in, but clients know that the room is recorded.
    assert_eq!(ann.person.room.remote_participants().len(), 2);
    let path = format!("{call}/recording");
    talk_until("a pause", &all, || async {
        (stage.post(&format!("{path}/pause")).await == 200).then_some(())
    })
    .await;
    talk_until("and its end", &all, || async {
        (stage.post(&format!("{path}/resume")).await == 200).then_some(())
    })
    .await;
    let second = || tokio::time::sleep(Duration::from_secs(3));
    talk_until("some talk", &all, || async {
        second().await;
        Some(())
    })
    .await;
    stage.rooms().delete_room(&room).await.unwrap();
    let recording = eventually("it is in the bucket", || find("uploaded")).await;
    assert_eq!(stage.recordings(&call).await.unwrap().len(), 1);
    let (status, bytes) = stage.fetch(&call, None).await;
    assert_eq!((status, &recording["bytes"]), (200, &json!(bytes.len())));
    // Whoever made the call is on the left, the others are on the right.
    let (left, right) = play(&bytes);
    for (hertz, at_left) in [(ANN, true), (BOB, false), (EVE, false)] {
        let (there, elsewhere) = match at_left {
            true => (&left, &right),
            false => (&right, &left),
        };
        let (loud, quiet) = (loudness(there, hertz), loudness(elsewhere, hertz));
        assert!(
            loud > 2_000.0 && quiet < loud / 20.0,
            "{hertz}: {loud}, {quiet}"
        );
    }
    stage.delete(&call).await;
    eventually("the object is gone", || async {
        stage.s3.keys().is_empty().then_some(())
    })
    .await;

    // A backend may disable recording for a call.
    let body = json!({"roomType": "conference", "participantName": "Ann", "recording": "off"});
    let token = stage.token(body).await;
    let ann = Talker::join(&token).await;
    let call = token["callId"].as_str().unwrap();
    let body = json!({"roomType": "conference", "participantName": "Ann"});
    let recorded = stage.token(body).await;
    let other = Talker::join(&recorded).await;
    let id = recorded["callId"].as_str().unwrap();
    talk_until(
        "the other call is recorded",
        &[(&ann, ANN), (&other, BOB)],
        || async {
            let of_call = stage.recordings(id).await?;
            of_call.into_iter().find(|one| one["state"] == "recording")
        },
    )
    .await;
    assert_eq!(stage.recordings(call).await.unwrap(), Vec::<Value>::new());
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_so_where_egress_does_not() {
    let stage = Stage::set(Scene {
        egress: Egress::NoWorker,
        ..Scene::default()
    })
    .await;
    let token = stage
        .token(json!({"roomType": "conference", "participantName": "Ann"}))
        .await;
    let call = token["callId"].as_str().unwrap();
    let ann = Talker::join(&token).await;
    talk_until("Egress fails", &[(&ann, ANN)], || async {
        let of_call = stage.recordings(call).await?;
        let is = |mode: &str, state: &str| {
            (of_call.iter()).any(|one| one["mode"] == mode && one["state"] == state)
        };
        (is("egress", "failed") && is("process", "recording")).then_some(())
    })
    .await;
    ann.person.leave().await;
    let kept = stage.recording_in(call, "uploaded").await;
    assert_eq!(kept["mode"], "process");
    assert_eq!(stage.fetch(call, None).await.0, 200);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_them_to_egress_where_that_works() {
    let stage = Stage::set(Scene {
        egress: Egress::Works,
        ..Scene::default()
    })
    .await;
    let token = stage
        .token(json!({"roomType": "conference", "participantName": "Ann"}))
        .await;
    let call = token["callId"].as_str().unwrap();
    let ann = Talker::join(&token).await;
    // Like an agent's process, it records until Egress has begun.
    talk_until("Egress alone records", &[(&ann, ANN)], || async {
        let of_call = stage.recordings(call).await?;
        let [only] = &of_call[..] else { return None };
        (only["mode"] == "egress" && stage.spool_is_empty()).then_some(())
    })
    .await;
    ann.person.leave().await;
    stage.recording_in(call, "uploaded").await;
    assert_eq!(stage.s3.keys().len(), 1);
    assert_eq!(stage.recordings(call).await.unwrap().len(), 1);
    stage.strike().await;
}

/// Without Egress and workers, the history gives the reason.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_silently_unrecorded() {
    let stage = Stage::set(Scene {
        egress: Egress::NoWorker,
        no_worker: true,
        ..Scene::default()
    })
    .await;
    let token = stage
        .token(json!({"roomType": "conference", "participantName": "Ann"}))
        .await;
    let call = token["callId"].as_str().unwrap();
    let ann = Talker::join(&token).await;
    let told = eventually("it is said", || async {
        let of_call = stage.recordings(call).await?;
        of_call.into_iter().find(|one| one["mode"] == "process")
    })
    .await;
    assert_eq!(told["state"], "failed");
    let reason = told["reason"].as_str().unwrap();
    assert!(reason.contains("no worker listened in"), "{reason}");
    ann.person.leave().await;
    stage.strike().await;
}
