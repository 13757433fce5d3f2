//! Setting a connection's callbacks. The engine passes its own halves of channels and transceivers; here they become
//! the interface's handles.

use std::sync::Arc;

use super::PeerConnection;
use super::events::*;
use crate::data_channel::DataChannel;
use crate::engine::channel::ChannelState;
use crate::engine::transceiver::{Received, Transceiver};

impl PeerConnection {
    /// Sets or clears the callback for the connection's state.
    pub fn on_connection_state_change(&self, f: Option<OnConnectionChange>) {
        self.shared().on_connection.set(f);
    }

    /// Sets or clears the callback for new data channels.
    pub fn on_data_channel(&self, f: Option<OnDataChannel>) {
        let callback = f.map(|mut f| -> Box<dyn FnMut(Arc<ChannelState>) + Send + Sync> {
            Box::new(move |state| f(DataChannel { state }))
        });
        self.shared().on_data_channel.set(callback);
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
        let callback = f.map(
            |mut f| -> Box<dyn FnMut(Arc<Transceiver>, Received) + Send + Sync> {
                Box::new(move |transceiver, received| f(TrackEvent::new(transceiver, received)))
            },
        );
        self.shared().on_track.set(callback);
    }
}
