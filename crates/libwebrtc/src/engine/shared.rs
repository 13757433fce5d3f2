//! State shared by a connection's handles and its task.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::callback::Callback;
use super::channel::ChannelState;
use super::transceiver::{Received, Transceiver};
use crate::vocabulary::configuration::RtcConfiguration;
use crate::vocabulary::doorkeeper::MakeDoorkeeper;
use crate::vocabulary::gathering::IceCandidateError;
use crate::vocabulary::ice_candidate::IceCandidate;
use crate::vocabulary::session_description::SessionDescription;
use crate::vocabulary::states::{
    IceConnectionState, IceGatheringState, PeerConnectionState, SignalingState,
};

/// A snapshot of the connection, read by its handles and written by its task, and the requests of handles that need no
/// answer.
#[derive(Default)]
pub(crate) struct Shared {
    view: Mutex<View>,
    /// The doorkeeper of its channels. `None` selects the process's.
    pub(crate) doors: Option<MakeDoorkeeper>,
    /// Wakes the task to handle requests.
    pub(crate) wake: Arc<Notify>,
    pub(crate) on_connection: Callback<dyn FnMut(PeerConnectionState) + Send + Sync>,
    pub(crate) on_ice_connection: Callback<dyn FnMut(IceConnectionState) + Send + Sync>,
    pub(crate) on_ice_gathering: Callback<dyn FnMut(IceGatheringState) + Send + Sync>,
    pub(crate) on_signaling: Callback<dyn FnMut(SignalingState) + Send + Sync>,
    pub(crate) on_ice_candidate: Callback<dyn FnMut(IceCandidate) + Send + Sync>,
    pub(crate) on_ice_candidate_error: Callback<dyn FnMut(IceCandidateError) + Send + Sync>,
    pub(crate) on_data_channel: Callback<dyn FnMut(Arc<ChannelState>) + Send + Sync>,
    pub(crate) on_track: Callback<dyn FnMut(Arc<Transceiver>, Received) + Send + Sync>,
    pub(crate) on_negotiation_needed: Callback<dyn FnMut(u32) + Send + Sync>,
}

struct View {
    connection: PeerConnectionState,
    ice: IceConnectionState,
    signaling: SignalingState,
    local: Option<SessionDescription>,
    remote: Option<SessionDescription>,
    transceivers: Vec<Arc<Transceiver>>,
    new_channels: Vec<Arc<ChannelState>>,
    restart_ice: bool,
    configuration: Option<RtcConfiguration>,
    closing: bool,
}

impl Default for View {
    fn default() -> Self {
        Self {
            connection: PeerConnectionState::New,
            ice: IceConnectionState::New,
            signaling: SignalingState::Stable,
            local: None,
            remote: None,
            transceivers: Vec::new(),
            new_channels: Vec::new(),
            restart_ice: false,
            configuration: None,
            closing: false,
        }
    }
}

impl Shared {
    pub(crate) fn new(doors: Option<MakeDoorkeeper>) -> Self {
        Self {
            doors,
            ..Self::default()
        }
    }

    pub(crate) fn connection(&self) -> PeerConnectionState {
        self.view.lock().connection
    }

    pub(crate) fn ice(&self) -> IceConnectionState {
        self.view.lock().ice
    }

    pub(crate) fn signaling(&self) -> SignalingState {
        self.view.lock().signaling
    }

    pub(crate) fn local(&self) -> Option<SessionDescription> {
        self.view.lock().local.clone()
    }

    pub(crate) fn remote(&self) -> Option<SessionDescription> {
        self.view.lock().remote.clone()
    }

    pub(crate) fn transceivers(&self) -> Vec<Arc<Transceiver>> {
        self.view.lock().transceivers.clone()
    }

    /// Adds the transceiver that `make` builds for its index in the list.
    pub(crate) fn add_transceiver(
        &self,
        make: impl FnOnce(usize) -> Transceiver,
    ) -> Arc<Transceiver> {
        let mut view = self.view.lock();
        let transceiver = Arc::new(make(view.transceivers.len()));
        view.transceivers.push(transceiver.clone());
        transceiver
    }

    pub(crate) fn add_channel(&self, channel: Arc<ChannelState>) {
        self.view.lock().new_channels.push(channel);
        self.wake.notify_one();
    }

    pub(crate) fn take_new_channels(&self) -> Vec<Arc<ChannelState>> {
        std::mem::take(&mut self.view.lock().new_channels)
    }

    /// Requests an ICE restart in the next offer.
    pub(crate) fn restart_ice(&self) {
        self.view.lock().restart_ice = true;
    }

    pub(crate) fn take_restart_ice(&self) -> bool {
        std::mem::take(&mut self.view.lock().restart_ice)
    }

    /// Requests another configuration.
    pub(crate) fn configure(&self, configuration: RtcConfiguration) {
        self.view.lock().configuration = Some(configuration);
        self.wake.notify_one();
    }

    pub(crate) fn take_configuration(&self) -> Option<RtcConfiguration> {
        self.view.lock().configuration.take()
    }

    /// Closes the connection: its handles see that at once, the task follows.
    pub(crate) fn close(&self) {
        {
            let mut view = self.view.lock();
            view.closing = true;
            view.connection = PeerConnectionState::Closed;
            view.ice = IceConnectionState::Closed;
            view.signaling = SignalingState::Closed;
        }
        self.wake.notify_one();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.view.lock().closing
    }

    pub(crate) fn set_connection(&self, state: PeerConnectionState) {
        {
            let mut view = self.view.lock();
            if view.closing || view.connection == state {
                return;
            }
            view.connection = state;
        }
        self.on_connection.with(|call| call(state));
    }

    pub(crate) fn set_ice(&self, state: IceConnectionState) {
        {
            let mut view = self.view.lock();
            if view.closing || view.ice == state {
                return;
            }
            view.ice = state;
        }
        self.on_ice_connection.with(|call| call(state));
    }

    pub(crate) fn set_signaling(&self, state: SignalingState) {
        {
            let mut view = self.view.lock();
            if view.closing || view.signaling == state {
                return;
            }
            view.signaling = state;
        }
        self.on_signaling.with(|call| call(state));
    }

    /// Records the descriptions that are in force.
    pub(crate) fn set_descriptions(
        &self,
        local: Option<SessionDescription>,
        remote: Option<SessionDescription>,
    ) {
        let mut view = self.view.lock();
        view.local = local;
        view.remote = remote;
    }

    /// Drops the user's callbacks and everything they hold.
    pub(crate) fn clear_callbacks(&self) {
        self.on_connection.set(None);
        self.on_ice_connection.set(None);
        self.on_ice_gathering.set(None);
        self.on_signaling.set(None);
        self.on_ice_candidate.set(None);
        self.on_ice_candidate_error.set(None);
        self.on_data_channel.set(None);
        self.on_track.set(None);
        self.on_negotiation_needed.set(None);
    }
}
