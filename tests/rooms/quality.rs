//! The network quality of a call's audio is in its history.

use livekit::prelude::TrackSource;
use serde_json::Value;
use sidetone_testkit::livekit_server::Options;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};

use super::binary::Served;
use super::person::Person;
use super::{ANSWER, QUESTION, asks_for_hours, granted};
use crate::calls::stage::sound;
use crate::support::eventually;

/// A call with an answer; returns its `media` in the history.
async fn called(options: Options) -> Value {
    let livekit = LiveKitServer::start_with(options).await.unwrap();
    let provider = FakeOpenAi::start(Timing::default()).await;
    asks_for_hours(&provider);
    let served = Served::start(&livekit, &provider, &[]).await;
    let granted = granted(&served).await;
    let mut ada = Person::join(&granted.url, &granted.token).await;
    let microphone = ada.publish(TrackSource::Microphone, false).await;
    ada.sees("listening").await;
    microphone.say(&sound(QUESTION)).await;
    ada.reads(ANSWER).await;
    ada.sees("listening").await;
    ada.leave().await;
    let id = granted.call_id.unwrap();
    eventually("the sound's record in the history", 60, || async {
        let call = served.call_of(&id).await;
        call.get("media").cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_has_what_a_calls_sound_went_through_and_by_which_way() {
    let over_tcp = Options {
        force_tcp: true,
        ..Options::default()
    };
    for (options, path) in [(Options::default(), "udp"), (over_tcp, "tcp")] {
        let media = called(options).await;
        assert_eq!(media["path"], path, "{media:#}");
        let rtt = media["rttMs"].as_f64().unwrap();
        assert!(0.0 < rtt && rtt < 2_000.0, "{media:#}");
        for way in ["received", "sent"] {
            let way = &media[way];
            // The caller has spoken for at least two seconds, and so has the agent: 50 packets per second.
            assert!(way["packets"].as_u64().unwrap() > 50, "{media:#}");
            let lost = way["lostPercent"].as_f64().unwrap();
            assert!((0.0..50.0).contains(&lost), "{media:#}");
            assert!(way["jitterMs"].as_f64().unwrap() < 1_000.0, "{media:#}");
            let mos = way["mos"].as_f64().unwrap();
            assert!((1.0..=4.5).contains(&mos), "{media:#}");
        }
        let concealed = media["received"]["concealedPercent"].as_f64().unwrap();
        assert!((0.0..100.0).contains(&concealed), "{media:#}");
    }
}
