//! What a connection tells of itself.

use super::{
    IceConnectionState, IceGatheringState, PeerConnection, PeerConnectionState, SignalingState,
};
use crate::data_channel::DataChannel;
use crate::ice_candidate::IceCandidate;
use crate::media_stream::MediaStream;
use crate::media_stream_track::MediaStreamTrack;
use crate::rtp_receiver::RtpReceiver;
use crate::rtp_transceiver::RtpTransceiver;

/// Why gathering from a server failed.
#[derive(Debug, Clone)]
pub struct IceCandidateError {
    /// Our address.
    pub address: String,
    /// Our port.
    pub port: i32,
    /// The server.
    pub url: String,
    /// Its answer's code.
    pub error_code: i32,
    /// Its answer's text.
    pub error_text: String,
}

/// A track of the other side has come.
#[derive(Debug, Clone)]
pub struct TrackEvent {
    /// The receiving half it came to.
    pub receiver: RtpReceiver,
    /// The streams it belongs to.
    pub streams: Vec<MediaStream>,
    /// The track.
    pub track: MediaStreamTrack,
    /// The section it came in.
    pub transceiver: RtpTransceiver,
}

/// Called when the connection's state changes.
pub type OnConnectionChange = Box<dyn FnMut(PeerConnectionState) + Send + Sync>;
/// Called when the other side opens a data channel.
pub type OnDataChannel = Box<dyn FnMut(DataChannel) + Send + Sync>;
/// Called with a candidate to signal; ours are in the descriptions already.
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
/// Called when a track of the other side comes, before the
/// `set_remote_description` that brought it returns.
pub type OnTrack = Box<dyn FnMut(TrackEvent) + Send + Sync>;

impl PeerConnection {
    /// Sets or clears the callback for the connection's state.
    pub fn on_connection_state_change(&self, f: Option<OnConnectionChange>) {
        self.shared().on_connection.set(f);
    }

    /// Sets or clears the callback for new data channels.
    pub fn on_data_channel(&self, f: Option<OnDataChannel>) {
        self.shared().on_data_channel.set(f);
    }

    /// Sets or clears the callback for candidates.
    pub fn on_ice_candidate(&self, f: Option<OnIceCandidate>) {
        self.shared().on_ice_candidate.set(f);
    }

    /// Sets or clears the callback for failures of gathering.
    pub fn on_ice_candidate_error(&self, f: Option<OnIceCandidateError>) {
        self.shared().on_ice_candidate_error.set(f);
    }

    /// Sets or clears the callback for the state of ICE.
    pub fn on_ice_connection_state_change(&self, f: Option<OnIceConnectionChange>) {
        self.shared().on_ice_connection.set(f);
    }

    /// Sets or clears the callback for the state of gathering.
    pub fn on_ice_gathering_state_change(&self, f: Option<OnIceGatheringChange>) {
        self.shared().on_ice_gathering.set(f);
    }

    /// Sets or clears the callback for offers that are due.
    pub fn on_negotiation_needed(&self, f: Option<OnNegotiationNeeded>) {
        self.shared().on_negotiation_needed.set(f);
    }

    /// Sets or clears the callback for the signalling state.
    pub fn on_signaling_state_change(&self, f: Option<OnSignalingChange>) {
        self.shared().on_signaling.set(f);
    }

    /// Sets or clears the callback for new tracks.
    pub fn on_track(&self, f: Option<OnTrack>) {
        self.shared().on_track.set(f);
    }
}
