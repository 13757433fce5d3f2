//! Two connections of this engine, joined in one process.

use std::time::Duration;

use libwebrtc::data_channel::{DataChannel, DataChannelInit, DataChannelState};
use libwebrtc::peer_connection::{AnswerOptions, OfferOptions, PeerConnection};
use libwebrtc::peer_connection_factory::{PeerConnectionFactory, RtcConfiguration};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Keeps a broken engine from hanging the tests; nothing is measured by it.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub fn connection() -> PeerConnection {
    PeerConnectionFactory::default()
        .create_peer_connection(RtcConfiguration::default())
        .unwrap()
}

/// Exchanges one offer and its answer.
pub async fn negotiate(offerer: &PeerConnection, answerer: &PeerConnection) {
    let offer = offerer.create_offer(OfferOptions::default()).await.unwrap();
    offerer.set_local_description(offer.clone()).await.unwrap();
    answerer.set_remote_description(offer).await.unwrap();
    let answer = answerer
        .create_answer(AnswerOptions::default())
        .await
        .unwrap();
    answerer
        .set_local_description(answer.clone())
        .await
        .unwrap();
    offerer.set_remote_description(answer).await.unwrap();
}

/// Both ends of a new channel between two connections, open.
pub async fn channel(
    offerer: &PeerConnection,
    answerer: &PeerConnection,
    init: DataChannelInit,
) -> (DataChannel, DataChannel) {
    let (incoming, mut channels) = mpsc::channel(1);
    answerer.on_data_channel(Some(Box::new(move |channel| {
        incoming.try_send(channel).unwrap();
    })));
    let ours = offerer.create_data_channel("messages", init).unwrap();
    let (opened, mut open) = mpsc::channel(4);
    ours.on_state_change(Some(Box::new(move |state| {
        if state == DataChannelState::Open {
            opened.try_send(()).unwrap();
        }
    })));
    negotiate(offerer, answerer).await;
    let theirs = timeout(DEADLINE, channels.recv()).await.unwrap().unwrap();
    timeout(DEADLINE, open.recv()).await.unwrap().unwrap();
    (ours, theirs)
}
