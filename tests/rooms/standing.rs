//! An agent that was disconnected: silent until it is known that the call is still its own.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use livekit::prelude::{RemoteTrack, RoomEvent as LkEvent};
use livekit::webrtc::audio_stream::native::NativeAudioStream;
use sidetone::room as livekit_room;
use sidetone::room::agent::Commission;
use sidetone::room::standing::Standing;
use sidetone_base::audio::Pcm;
use sidetone_base::tap::Tap;
use sidetone_call::transport::{DisconnectReason, Dismissal, RoomEvent, link};
use sidetone_testkit::livekit_server::Options;
use sidetone_testkit::{LiveKitServer, RoughPath, Roughness};
use tokio::sync::{Notify, mpsc, watch};

use super::gate::Gate;
use super::{commission, person};
use crate::calls::until;

/// Gives the answers that the test sets.
struct Told {
    lost: Arc<Notify>,
    asked: watch::Sender<u32>,
    is_ours: watch::Sender<Option<bool>>,
}

impl Standing for Told {
    fn epoch(&self) -> Option<i64> {
        Some(1)
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        let lost = Arc::clone(&self.lost);
        async move { lost.notify_one() }.boxed()
    }

    fn is_ours(&self) -> BoxFuture<'static, bool> {
        self.asked.send_modify(|times| *times += 1);
        let mut answer = self.is_ours.subscribe();
        async move { answer.wait_for(Option::is_some).await.unwrap().unwrap() }.boxed()
    }
}

/// The room's level, frame by frame.
fn levels(mut events: mpsc::UnboundedReceiver<LkEvent>) -> watch::Receiver<u32> {
    let (heard, levels) = watch::channel(0);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let LkEvent::TrackSubscribed {
                track: RemoteTrack::Audio(track),
                ..
            } = event
            {
                let heard = heard.clone();
                tokio::spawn(async move {
                    let mut frames = NativeAudioStream::new(track.rtc_track(), 48_000, 1);
                    while let Some(frame) = frames.next().await {
                        if frame
                            .data
                            .iter()
                            .any(|sample| sample.unsigned_abs() > 1_000)
                        {
                            heard.send_modify(|voiced| *voiced += 1);
                        }
                    }
                });
            }
        }
    });
    levels
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_joined_anew_is_silent_until_the_call_is_known_to_be_its_own() {
    let livekit = LiveKitServer::start().await.unwrap();
    let gate = Gate::before(&livekit).await;
    let token = |identity| person::token(&livekit, "standing", identity);
    let join = async |url, identity, hears| {
        let token = token(identity);
        livekit_room::join(url, &token, hears).await.unwrap()
    };
    // The listener's own connection is not affected.
    let (_listener, heard) = join(&livekit.url, "ada", true).await;
    let voiced = levels(heard);
    let (room, events) = join(&gate.url, "agent", false).await;
    let (mut link, driver) = link();
    let told = Arc::new(Told {
        lost: Arc::default(),
        asked: watch::Sender::new(0),
        is_ours: watch::Sender::new(None),
    });
    let sent = Commission {
        standing: Some(told.clone()),
        ..commission(&livekit)
    };
    let drive = livekit_room::agent::drive(
        &room,
        events,
        driver,
        Tap::default(),
        Dismissal::default(),
        sent,
    );
    let speaks = async {
        let mut n = 0_u32;
        loop {
            let sample = |n: u32| ((f64::from(n) * 0.06).sin() * 12_000.0) as i16;
            let frame = Pcm::new((n..n + 480).map(sample).collect());
            n += 480;
            link.speaker.send(frame).await.unwrap();
        }
    };
    let is_heard = async |what: &str| {
        let before = *voiced.borrow();
        until(what, || (*voiced.borrow() > before + 20).then_some(())).await;
    };
    let story = async {
        is_heard("the agent").await;
        let before = room.local_participant().sid();
        gate.cut(1);
        until("another session", || {
            (room.local_participant().sid() != before && *told.asked.borrow() == 1).then_some(())
        })
        .await;
        // Audio that was on its way has arrived.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let silent_from = *voiced.borrow();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(*voiced.borrow(), silent_from, "heard before it was allowed");
        told.is_ours.send_replace(Some(true));
        is_heard("the agent again").await;

        // Disconnected for more than five seconds: the loss is reported, and another agent has the call.
        told.is_ours.send_replace(Some(false));
        gate.cut(1_000);
        let lost = tokio::time::timeout(Duration::from_secs(20), told.lost.notified());
        lost.await.expect("told that it is lost");
        gate.cut(0);
        let closed = async {
            loop {
                // Before that, it receives events about who is in the room.
                if let RoomEvent::Closed { reason } = link.events.recv().await.unwrap() {
                    return reason;
                }
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(60), closed);
        assert_eq!(closed.await.unwrap(), DisconnectReason::ParticipantRemoved);
    };
    tokio::select! {
        driven = drive => panic!("the room is over: {driven:?}"),
        () = speaks => {}
        () = story => {}
    }
    livekit_room::close(&room).await;
}

/// The connection between agent and server is interrupted, and nobody tells the agent.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_cut_off_waits_and_knows_what_was_not_heard() {
    let livekit = LiveKitServer::start_with(Options {
        ice_lite: true,
        ..Default::default()
    });
    let livekit = livekit.await.unwrap();
    let path = RoughPath::before(&livekit, Roughness::default());
    let path = path.await.unwrap();
    let join = async |url: &str, identity, hears| {
        let token = person::token(&livekit, "cut-off", identity);
        livekit_room::join(url, &token, hears).await.unwrap()
    };
    let (_listener, heard) = join(&livekit.url, "ada", true).await;
    let voiced = levels(heard);
    let (room, events) = join(&path.url, "agent", false).await;
    let (link, driver) = link();
    let told = Arc::new(Told {
        lost: Arc::default(),
        asked: watch::Sender::new(0),
        is_ours: watch::Sender::new(Some(true)),
    });
    let sent = Commission {
        standing: Some(told.clone()),
        ..commission(&livekit)
    };
    let (tap, dismissal) = (Tap::default(), Dismissal::default());
    let drive = livekit_room::agent::drive(&room, events, driver, tap, dismissal, sent);
    let (speaker, mut events) = (link.speaker, link.events);
    let said = watch::Sender::new(0_u32);
    let speaks = async {
        loop {
            let n = *said.borrow() * 480;
            let sample = |n: u32| ((f64::from(n) * 0.06).sin() * 12_000.0) as i16;
            let frame = Pcm::new((n..n + 480).map(sample).collect());
            speaker.send(frame).await.unwrap();
            said.send_modify(|frames| *frames += 1);
        }
    };
    let is_heard = async |what: &str| {
        let before = *voiced.borrow();
        until(what, || (*voiced.borrow() > before + 20).then_some(())).await;
    };
    let story = async {
        is_heard("the agent").await;
        let before = *said.borrow();
        path.cut();
        let unheard = async {
            loop {
                if let RoomEvent::NotHeard(time) = events.recv().await.unwrap() {
                    return time;
                }
            }
        };
        let unheard = tokio::time::timeout(Duration::from_secs(10), unheard);
        let unheard = unheard.await.expect("told what was not heard");
        // Everything said since then is reported as unheard, and only a little of what was heard.
        let since = Duration::from_millis(10) * (*said.borrow() - before);
        assert!(
            unheard + Duration::from_millis(100) > since,
            "{unheard:?} of {since:?}"
        );
        assert!(
            unheard < since + Duration::from_secs(3),
            "{unheard:?} of {since:?}"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
        let waits = *said.borrow();
        let lost = tokio::time::timeout(Duration::from_secs(10), told.lost.notified());
        lost.await.expect("told that it is lost");
        assert_eq!(*said.borrow(), waits, "it says nothing meanwhile");
        path.mend();
        is_heard("the agent again").await;
        assert!(
            *told.asked.borrow() > 0,
            "it has asked whether the call is its own"
        );
    };
    tokio::select! {
        driven = drive => panic!("the room is over: {driven:?}"),
        () = speaks => {}
        () = story => {}
    }
    livekit_room::close(&room).await;
}
