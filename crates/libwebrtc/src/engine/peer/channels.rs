//! The connection task's handling of data channels.

use std::sync::Arc;

use str0m::channel::{ChannelConfig, ChannelId};

use super::Peer;
use crate::engine::channel::ChannelState;
use crate::vocabulary::data_channel::{DataBuffer, DataChannelInit, DataChannelState};

/// A channel as the task sees it.
pub(crate) struct PeerChannel {
    pub(crate) state: Arc<ChannelState>,
    /// str0m's handle, once the channel has been requested.
    pub(crate) id: Option<ChannelId>,
    /// Whether str0m has been told to close it.
    closing: bool,
}

impl PeerChannel {
    fn new(state: Arc<ChannelState>, id: Option<ChannelId>) -> Self {
        Self {
            state,
            id,
            closing: false,
        }
    }

    fn is_wanted(&self) -> bool {
        self.state.state() == DataChannelState::Connecting
    }
}

/// The channels of one connection.
#[derive(Default)]
pub(crate) struct Channels {
    list: Vec<PeerChannel>,
    pub(crate) opened: u32,
    pub(crate) closed: u32,
}

impl Channels {
    pub(crate) fn add(&mut self, state: Arc<ChannelState>) {
        self.list.push(PeerChannel::new(state, None));
    }

    /// Forgets str0m's handles, after their `Rtc` was replaced.
    pub(crate) fn forget_ids(&mut self) {
        for channel in &mut self.list {
            channel.id = None;
        }
    }

    /// Channels that wait for their first offer.
    pub(crate) fn unoffered(
        &mut self,
    ) -> impl Iterator<Item = (&mut Option<ChannelId>, ChannelConfig)> {
        self.list
            .iter_mut()
            .filter(|channel| channel.id.is_none() && channel.is_wanted())
            .map(|channel| (&mut channel.id, channel.state.config()))
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = &Arc<ChannelState>> {
        self.list.iter().map(|channel| &channel.state)
    }

    fn by_id(&mut self, id: ChannelId) -> Option<&mut PeerChannel> {
        self.list.iter_mut().find(|channel| channel.id == Some(id))
    }

    fn closed(&mut self, index: usize) {
        let channel = self.list.swap_remove(index);
        self.closed += 1;
        channel.state.closed();
    }
}

impl Peer {
    /// Does what the users of channels have requested since the last time: opens, sends and closes. `in_sdp` says that
    /// SCTP has been negotiated; from then on channels need no offer.
    pub(crate) fn service_channels(&mut self) {
        for state in self.shared.take_new_channels() {
            self.channels.add(state);
        }
        let mut index = 0;
        while index < self.channels.list.len() {
            if self.service_channel(index) {
                index += 1;
            } else {
                self.channels.closed(index);
            }
            self.drain();
        }
    }

    /// Returns `false` when the channel is over.
    fn service_channel(&mut self, index: usize) -> bool {
        let channel = &mut self.channels.list[index];
        match (channel.state.state(), channel.id) {
            (DataChannelState::Closed, _) | (DataChannelState::Closing, None) => return false,
            // str0m closes only open channels: until then it stays listed.
            (DataChannelState::Closing, Some(id))
                if !channel.closing && self.rtc.channel(id).is_some() =>
            {
                self.rtc.direct_api().close_data_channel(id);
                channel.closing = true;
            }
            (DataChannelState::Connecting, None) if self.sctp_negotiated => {
                let config = channel.state.config();
                channel.id = Some(self.rtc.direct_api().create_data_channel(config));
            }
            (DataChannelState::Open, Some(id)) => {
                let taken = channel.state.flush(&mut self.rtc, id);
                if taken > 0 {
                    let state = channel.state.clone();
                    state.on_buffered_amount_change.with(|call| call(taken));
                }
            }
            _ => {}
        }
        true
    }

    pub(crate) fn channel_opened(&mut self, id: ChannelId, label: String) {
        let stream = self.rtc.direct_api().sctp_stream_id_by_channel_id(id);
        self.channels.opened += 1;
        if let Some(channel) = self.channels.by_id(id) {
            let state = channel.state.clone();
            state.runs_on(stream);
            if state.state() == DataChannelState::Connecting {
                state.enter(DataChannelState::Open);
            } else {
                // Closed before it opened: `service_channels` ends it.
                self.shared.wake.notify_one();
            }
            return;
        }
        let config = self
            .rtc
            .channel(id)
            .and_then(|channel| channel.config().cloned());
        let init = DataChannelInit {
            ordered: config.as_ref().is_none_or(|config| config.ordered),
            protocol: config.map(|config| config.protocol).unwrap_or_default(),
            ..Default::default()
        };
        let wake = self.shared.wake.clone();
        let state = Arc::new(ChannelState::new(label, init, wake, self.shared.doors));
        state.runs_on(stream);
        state.enter(DataChannelState::Open);
        self.channels
            .list
            .push(PeerChannel::new(state.clone(), Some(id)));
        self.shared.on_data_channel.with(|call| call(state.clone()));
    }

    pub(crate) fn channel_data(&mut self, id: ChannelId, binary: bool, data: &[u8]) {
        let Some(channel) = self.channels.by_id(id) else {
            return;
        };
        channel.state.clone().received(DataBuffer { data, binary });
    }

    pub(crate) fn channel_closed(&mut self, id: ChannelId) {
        if let Some(index) = self
            .channels
            .list
            .iter()
            .position(|channel| channel.id == Some(id))
        {
            self.channels.closed(index);
        }
    }

    pub(crate) fn close_channels(&mut self) {
        for state in self.shared.take_new_channels() {
            self.channels.add(state);
        }
        while !self.channels.list.is_empty() {
            self.channels.closed(0);
        }
    }
}
