//! Listening in on a live call, with real processes: an admin hears it, and the participants do not notice.

use futures::StreamExt as _;
use livekit::prelude::{RemoteTrack, RoomEvent};
use livekit::webrtc::audio_stream::native::NativeAudioStream;
use serde_json::Value;

use super::stage::{ADMIN, Stage, TOKENS};
use super::{ANSWER, CALLER};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_hears_a_live_call_and_nobody_in_it_notices() {
    let stage = Stage::set(1).await;
    stage.provider.default_answer(ANSWER);
    let caller = stage.join(&CALLER).await;
    let call = eventually("an agent has joined", 60, async || {
        let agents = stage.get("/api/voice/agent").await;
        let agent = agents["agents"].get(0)?;
        let joined = agent["state"] == "joined";
        joined.then(|| agent["callId"].as_str().unwrap().to_owned())
    })
    .await;
    let door = format!("/api/voice/calls/{call}/listen");
    assert_eq!(stage.post(&door, TOKENS).await.0, 403);
    let (status, answer) = stage.post(&door, ADMIN).await;
    assert_eq!(status, 200, "{answer}");
    let text = |key: &str| answer[key].as_str().unwrap();
    let joined = sidetone::room::join(text("livekitHost"), text("token"), true).await;
    let (listener, mut events) = joined.unwrap();
    let track = loop {
        match events.recv().await.unwrap() {
            RoomEvent::TrackSubscribed {
                track: RemoteTrack::Audio(track),
                participant,
                ..
            } if participant.identity().as_str().starts_with("agent-") => break track,
            _ => {}
        }
    };
    let mut sound = NativeAudioStream::new(track.rtc_track(), 48_000, 1);
    for _ in 0..20 {
        assert!(sound.next().await.is_some(), "the agent's voice comes");
    }
    let others = caller.remote_participants();
    let seen: Vec<_> = others.keys().map(|identity| identity.as_str()).collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
    caller.close().await.unwrap();
    let path = format!("/api/voice/history/{call}");
    let over = eventually(
        "the call is over although somebody listens",
        60,
        async || {
            let call = stage.get(&path).await;
            (call["status"] == "completed").then_some(call)
        },
    )
    .await;
    // The listener is invisible during the call, but appears in the record afterwards.
    let people = over["participants"].as_array().unwrap();
    let listened: Vec<&Value> = people
        .iter()
        .filter(|person| {
            person["userId"]
                .as_str()
                .unwrap()
                .starts_with("sidetone-listener-")
        })
        .collect();
    assert_eq!(listened.len(), 1, "{people:?}");
    assert_eq!(listened[0]["kind"], "other");
    assert_eq!(stage.post(&door, ADMIN).await.0, 409);
    let _ = listener.close().await;
    stage.end().await;
}
