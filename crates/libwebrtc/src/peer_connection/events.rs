//! The events of a connection.

use std::sync::Arc;

use crate::data_channel::DataChannel;
use crate::engine::transceiver::{Received, Transceiver};
use crate::media_stream::MediaStream;
use crate::media_stream_track::MediaStreamTrack;
use crate::rtp_receiver::RtpReceiver;
use crate::rtp_transceiver::RtpTransceiver;
use crate::vocabulary::gathering::IceCandidateError;
use crate::vocabulary::ice_candidate::IceCandidate;
use crate::vocabulary::states::{
    IceConnectionState, IceGatheringState, PeerConnectionState, SignalingState,
};

/// A track of the other side was added.
#[derive(Debug, Clone)]
pub struct TrackEvent {
    /// The receiving half it belongs to.
    pub receiver: RtpReceiver,
    /// The streams it belongs to.
    pub streams: Vec<MediaStream>,
    /// The track.
    pub track: MediaStreamTrack,
    /// The section it belongs to.
    pub transceiver: RtpTransceiver,
}

impl TrackEvent {
    pub(crate) fn new(inner: Arc<Transceiver>, received: Received) -> Self {
        Self {
            receiver: RtpReceiver {
                inner: inner.clone(),
            },
            streams: vec![received.clone().into()],
            track: received.track.into(),
            transceiver: RtpTransceiver { inner },
        }
    }
}

/// Called when the connection's state changes.
pub type OnConnectionChange = Box<dyn FnMut(PeerConnectionState) + Send + Sync>;
/// Called when the other side opens a data channel.
pub type OnDataChannel = Box<dyn FnMut(DataChannel) + Send + Sync>;
/// Called with a candidate to signal; host candidates are already in the descriptions.
pub type OnIceCandidate = Box<dyn FnMut(IceCandidate) + Send + Sync>;
/// Called when gathering fails.
pub type OnIceCandidateError = Box<dyn FnMut(IceCandidateError) + Send + Sync>;
/// Called when the state of ICE changes.
pub type OnIceConnectionChange = Box<dyn FnMut(IceConnectionState) + Send + Sync>;
/// Called when the state of gathering changes.
pub type OnIceGatheringChange = Box<dyn FnMut(IceGatheringState) + Send + Sync>;
/// Called when an offer is due; livekit decides that itself.
pub type OnNegotiationNeeded = Box<dyn FnMut(u32) + Send + Sync>;
/// Called when the signalling state changes.
pub type OnSignalingChange = Box<dyn FnMut(SignalingState) + Send + Sync>;
/// Called when a track of the other side is added, before the `set_remote_description` that added it returns.
pub type OnTrack = Box<dyn FnMut(TrackEvent) + Send + Sync>;
