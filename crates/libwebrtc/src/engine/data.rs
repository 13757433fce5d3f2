//! Data channels: what the user's handle and the connection's task share.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use tokio::sync::Notify;

use super::callback::Callback;
use super::peer::Peer;
use crate::data_channel::{
    DataBuffer, DataChannel, DataChannelError, DataChannelInit, DataChannelState,
};

/// Bytes a channel queues at most, as in Google's implementation
/// (`kMaxQueuedSendDataBytes`); more are refused.
const QUEUE_LIMIT: u64 = 16 * 1024 * 1024;

/// The largest message str0m ever takes: what it buffers for all channels by
/// default. A larger one would wait in the queue for good, and all behind it.
const LARGEST_MESSAGE: usize = 128 * 1024;

pub(crate) struct ChannelState {
    label: String,
    init: DataChannelInit,
    wake: Arc<Notify>,
    inner: Mutex<Inner>,
    pub(crate) on_state_change: Callback<dyn FnMut(DataChannelState) + Send + Sync>,
    pub(crate) on_message: Callback<dyn FnMut(DataBuffer<'_>) + Send + Sync>,
    pub(crate) on_buffered_amount_change: Callback<dyn FnMut(u64) + Send + Sync>,
}

struct Inner {
    state: DataChannelState,
    id: Option<u16>,
    queue: VecDeque<(bool, Bytes)>,
    queued: u64,
    counters: Counters,
}

/// Messages and bytes, for statistics.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counters {
    pub(crate) messages_sent: u32,
    pub(crate) bytes_sent: u64,
    pub(crate) messages_received: u32,
    pub(crate) bytes_received: u64,
}

impl ChannelState {
    pub(crate) fn new(label: String, init: DataChannelInit, wake: Arc<Notify>) -> Self {
        let id = init
            .negotiated
            .then(|| u16::try_from(init.id).ok())
            .flatten();
        Self {
            label,
            init,
            wake,
            inner: Mutex::new(Inner {
                state: DataChannelState::Connecting,
                id,
                queue: VecDeque::new(),
                queued: 0,
                counters: Counters::default(),
            }),
            on_state_change: Callback::default(),
            on_message: Callback::default(),
            on_buffered_amount_change: Callback::default(),
        }
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn protocol(&self) -> &str {
        &self.init.protocol
    }

    pub(crate) fn id(&self) -> i32 {
        self.inner.lock().id.map_or(-1, i32::from)
    }

    pub(crate) fn state(&self) -> DataChannelState {
        self.inner.lock().state
    }

    pub(crate) fn buffered_amount(&self) -> u64 {
        self.inner.lock().queued
    }

    pub(crate) fn counters(&self) -> Counters {
        self.inner.lock().counters
    }

    pub(crate) fn send(&self, data: &[u8], binary: bool) -> Result<(), DataChannelError> {
        if data.len() > LARGEST_MESSAGE {
            return Err(DataChannelError::Send);
        }
        {
            let mut inner = self.inner.lock();
            let queued = inner.queued + data.len() as u64;
            if inner.state != DataChannelState::Open || queued > QUEUE_LIMIT {
                return Err(DataChannelError::Send);
            }
            inner.queued = queued;
            inner
                .queue
                .push_back((binary, Bytes::copy_from_slice(data)));
        }
        self.wake.notify_one();
        Ok(())
    }

    pub(crate) fn close(&self) {
        {
            let mut inner = self.inner.lock();
            if matches!(
                inner.state,
                DataChannelState::Closing | DataChannelState::Closed
            ) {
                return;
            }
            inner.state = DataChannelState::Closing;
        }
        self.wake.notify_one();
    }

    fn config(&self) -> ChannelConfig {
        let limit = |n: i32| n.clamp(0, i32::from(u16::MAX)) as u16;
        let reliability = match (self.init.max_retransmits, self.init.max_retransmit_time) {
            (Some(n), _) => Reliability::MaxRetransmits {
                retransmits: limit(n),
            },
            (None, Some(ms)) => Reliability::MaxPacketLifetime {
                lifetime: limit(ms),
            },
            (None, None) => Reliability::Reliable,
        };
        ChannelConfig {
            label: self.label.clone(),
            ordered: self.init.ordered,
            reliability,
            negotiated: self.inner.lock().id.filter(|_| self.init.negotiated),
            protocol: self.init.protocol.clone(),
        }
    }

    /// Changes the state and tells the user, if it is a change.
    fn enter(&self, state: DataChannelState) {
        {
            let mut inner = self.inner.lock();
            if inner.state == state || inner.state == DataChannelState::Closed {
                return;
            }
            inner.state = state;
            if state == DataChannelState::Closed {
                inner.queue.clear();
                inner.queued = 0;
            }
        }
        self.on_state_change.with(|call| call(state));
    }

    pub(crate) fn closed(&self) {
        self.enter(DataChannelState::Closed);
    }

    /// Hands queued messages to SCTP until it is full. Answers the bytes taken.
    fn flush(&self, rtc: &mut Rtc, id: ChannelId) -> u64 {
        let mut taken = 0;
        let mut inner = self.inner.lock();
        if inner.state != DataChannelState::Open {
            return 0;
        }
        while let Some((binary, data)) = inner.queue.front() {
            let Some(mut channel) = rtc.channel(id) else {
                break;
            };
            match channel.write(*binary, data) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    // The bytes still leave the queue, and are still reported.
                    tracing::warn!(label = self.label, %error, "a message was lost");
                }
            }
            let bytes = data.len() as u64;
            taken += bytes;
            inner.queue.pop_front();
            inner.queued -= bytes;
            inner.counters.messages_sent += 1;
            inner.counters.bytes_sent += bytes;
        }
        taken
    }
}

/// A channel as the task sees it.
pub(crate) struct PeerChannel {
    pub(crate) state: Arc<ChannelState>,
    /// str0m's handle, once the channel has been asked for.
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

    /// Forgets str0m's handles, after the `Rtc` they belong to was replaced.
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
    /// Does what the users of channels have asked for since the last time:
    /// opens, sends and closes. `in_sdp` tells that SCTP has been negotiated,
    /// from when on channels need no offer.
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

    /// Answers false when the channel is over.
    fn service_channel(&mut self, index: usize) -> bool {
        let channel = &mut self.channels.list[index];
        match (channel.state.state(), channel.id) {
            (DataChannelState::Closed, _) | (DataChannelState::Closing, None) => return false,
            // str0m closes only what is open: until then it stays listed.
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
            state.inner.lock().id = stream;
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
        let state = Arc::new(ChannelState::new(label, init, self.shared.wake.clone()));
        {
            let mut inner = state.inner.lock();
            inner.state = DataChannelState::Open;
            inner.id = stream;
        }
        self.channels
            .list
            .push(PeerChannel::new(state.clone(), Some(id)));
        self.shared.on_data_channel.with(|call| {
            call(DataChannel {
                state: state.clone(),
            })
        });
    }

    pub(crate) fn channel_data(&mut self, id: ChannelId, binary: bool, data: &[u8]) {
        let Some(channel) = self.channels.by_id(id) else {
            return;
        };
        let state = channel.state.clone();
        {
            let mut inner = state.inner.lock();
            inner.counters.messages_received += 1;
            inner.counters.bytes_received += data.len() as u64;
        }
        state
            .on_message
            .with(|call| call(DataBuffer { data, binary }));
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
