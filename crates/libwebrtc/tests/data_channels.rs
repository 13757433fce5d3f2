//! Messages between two connections of this engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use libwebrtc::data_channel::{DataChannel, DataChannelInit};
use tokio::sync::mpsc;
use tokio::time::timeout;

mod pair;

/// livekit's data tracks split a frame into messages of this many bytes.
const MESSAGE: usize = 16_000;
/// Messages in a frame of 196 KB.
const MESSAGES_A_FRAME: usize = 13;
const FRAMES: usize = 10;

/// The messages that a channel receives.
fn received(channel: &DataChannel) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(1024);
    channel.on_message(Some(Box::new(move |message| {
        sender.try_send(message.data.to_vec()).unwrap();
    })));
    receiver
}

/// Sends as livekit does: the next message once at most 8 KiB are waiting.
async fn send_all(channel: &DataChannel, messages: impl IntoIterator<Item = Vec<u8>>) {
    const LOW: u64 = 8 * 1024;
    let (sender, mut sent) = mpsc::channel(1024);
    channel.on_buffered_amount_change(Some(Box::new(move |bytes| {
        sender.try_send(bytes).unwrap();
    })));
    let mut waiting = 0;
    for message in messages {
        while waiting > LOW {
            waiting -= timeout(pair::DEADLINE, sent.recv()).await.unwrap().unwrap();
        }
        waiting += message.len() as u64;
        channel.send(&message, true).unwrap();
    }
    while waiting > 0 {
        waiting -= timeout(pair::DEADLINE, sent.recv()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn large_frames_pass_without_retransmission() {
    let (a, b) = (pair::connection(), pair::connection());
    let init = DataChannelInit {
        ordered: false,
        max_retransmits: Some(0),
        ..Default::default()
    };
    let (ours, theirs) = pair::channel(&a, &b, init).await;
    let mut messages = received(&theirs);
    let frames = (0..FRAMES * MESSAGES_A_FRAME).map(|n| vec![n as u8; MESSAGE]);
    send_all(&ours, frames).await;
    let mut seen = [false; FRAMES * MESSAGES_A_FRAME];
    for count in 0..seen.len() {
        let Ok(message) = timeout(std::time::Duration::from_secs(10), messages.recv()).await else {
            let lost: Vec<_> = (0..seen.len()).filter(|n| !seen[*n]).collect();
            panic!("{count} messages came, lost are {lost:?}");
        };
        let message = message.unwrap();
        assert_eq!(message.len(), MESSAGE);
        assert!(message.iter().all(|byte| *byte == message[0]));
        assert!(!std::mem::replace(&mut seen[usize::from(message[0])], true));
    }
}

#[tokio::test]
async fn a_message_too_large_to_ever_leave_is_refused_and_stops_nothing() {
    let (a, b) = (pair::connection(), pair::connection());
    let (ours, theirs) = pair::channel(&a, &b, DataChannelInit::default()).await;
    let mut messages = received(&theirs);
    assert!(ours.send(&vec![1; 128 * 1024 + 1], true).is_err());
    assert_eq!(ours.buffered_amount(), 0);
    send_all(&ours, [vec![2; 128 * 1024], vec![3]]).await;
    for (length, byte) in [(128 * 1024, 2), (1, 3)] {
        let message = timeout(pair::DEADLINE, messages.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!((message.len(), message[0]), (length, byte));
    }
}
