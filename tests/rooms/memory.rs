//! What rooms leave behind in memory.

use std::time::Duration;

use livekit::prelude::{Room, RoomEvent, TrackSource};
use livekit::webrtc::peer_connection::held;
use sidetone::room as livekit_room;
use sidetone_config::env::LiveKit;
use sidetone_testkit::LiveKitServer;
use tokio::sync::mpsc::UnboundedReceiver;

use super::person::{self, Person};
use crate::calls::until;
use crate::support::rooms;

/// Enough to distinguish a leak per call from fluctuations.
const CALLS: usize = 20;

/// How an agent's stay in a room ends, while the caller stays.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It leaves.
    Leaves,
    /// The server removes it.
    IsRemoved,
    /// It leaves using only LiveKit's client.
    Client,
}

/// Joins, hears the caller, and leaves or is removed.
async fn comes_and_goes(server: &LiveKitServer, end: End) {
    let token = person::token(server, "memory", "agent");
    let (room, mut events) = livekit_room::join(&server.url, &token, true).await.unwrap();
    hears_somebody(&mut events).await;
    match end {
        End::Leaves => livekit_room::close(&room).await,
        End::Client => room.close().await.unwrap(),
        End::IsRemoved => {
            let livekit = LiveKit::new(
                server.url.clone(),
                server.api_key.clone(),
                &server.api_secret,
            );
            let removed = rooms(&livekit).remove_participant("memory", "agent").await;
            removed.unwrap();
            is_over(&mut events).await;
            livekit_room::close(&room).await;
        }
    }
    drop::<Room>(room);
}

async fn hears_somebody(events: &mut UnboundedReceiver<RoomEvent>) {
    let heard = async {
        while let Some(event) = events.recv().await {
            if matches!(event, RoomEvent::TrackSubscribed { .. }) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard)
        .await
        .expect("the caller is heard");
}

async fn is_over(events: &mut UnboundedReceiver<RoomEvent>) {
    let over = async {
        while let Some(event) = events.recv().await {
            if matches!(event, RoomEvent::Disconnected { .. }) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), over)
        .await
        .expect("the room is over");
}

/// livekit 0.10 keeps a cycle for each participant who is present when a room is closed (rust-sdks #1435): the
/// connections of all these rooms would be kept forever.
#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_are_left_before_the_caller_are_let_go() {
    let server = LiveKitServer::start().await.unwrap();
    let token = person::token(&server, "memory", "ada");
    let mut ada = Person::join(&server.url, &token).await;
    let _microphone = ada.publish(TrackSource::Microphone, false).await;
    let of_ada = held();
    for end in [End::Leaves, End::IsRemoved] {
        for _ in 0..CALLS {
            comes_and_goes(&server, end).await;
        }
        until(
            &format!("nothing is held ({end:?}), but {} are", held()),
            || (held() <= of_ada).then_some(()),
        )
        .await;
    }
    // When this fails, the client frees them itself, and src/room/wire.rs is no longer needed.
    comes_and_goes(&server, End::Client).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(held() > of_ada, "livekit's client holds what it left");
    ada.leave().await;
}
