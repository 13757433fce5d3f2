//! A process's doorkeeper sees messages before the users of their channels do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use libwebrtc::data_channel::{DataBuffer, DataChannel, DataChannelInit, Doorkeeper, keep_doors};
use tokio::sync::mpsc;
use tokio::time::timeout;

mod pair;

/// Blocks messages that begin with an exclamation mark, and announces what follows a question mark.
struct Keeper;

impl Doorkeeper for Keeper {
    fn message(&mut self, message: DataBuffer<'_>, deliver: &mut dyn FnMut(DataBuffer<'_>)) {
        match message.data.first() {
            Some(b'!') => {}
            Some(b'?') => {
                deliver(DataBuffer {
                    data: b"next:",
                    binary: true,
                });
                deliver(message);
            }
            _ => deliver(message),
        }
    }
}

#[tokio::test]
async fn what_the_doorkeeper_hands_over_is_what_comes() {
    keep_doors(|label| {
        assert_eq!(label, "messages");
        Box::new(Keeper)
    });
    let (a, b) = (pair::connection(), pair::connection());
    let (ours, theirs) = pair::channel(&a, &b, DataChannelInit::default()).await;
    let mut messages = received(&theirs);
    for message in ["one", "!two", "?three"] {
        ours.send(message.as_bytes(), true).unwrap();
    }
    for expected in ["one", "next:", "?three"] {
        let message = timeout(pair::DEADLINE, messages.recv()).await;
        assert_eq!(message.unwrap().unwrap(), expected.as_bytes());
    }
}

/// The messages that a channel receives.
fn received(channel: &DataChannel) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(16);
    channel.on_message(Some(Box::new(move |message| {
        sender.try_send(message.data.to_vec()).unwrap();
    })));
    receiver
}
