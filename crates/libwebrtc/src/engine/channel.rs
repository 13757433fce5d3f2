//! The state of a data channel shared by the user's handle and the connection's task.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use tokio::sync::Notify;

use super::callback::Callback;
use super::doorkeeper;
use crate::vocabulary::data_channel::{
    DataBuffer, DataChannelError, DataChannelInit, DataChannelState,
};
use crate::vocabulary::doorkeeper::{Doorkeeper, MakeDoorkeeper};

/// Most bytes that a channel queues, as in Google's implementation (`kMaxQueuedSendDataBytes`); more are refused.
const QUEUE_LIMIT: u64 = 16 * 1024 * 1024;

/// The largest message that str0m ever accepts: its default buffer for all channels. A larger one would block the queue
/// for good.
const LARGEST_MESSAGE: usize = 128 * 1024;

pub(crate) struct ChannelState {
    label: String,
    init: DataChannelInit,
    wake: Arc<Notify>,
    inner: Mutex<Inner>,
    pub(crate) on_state_change: Callback<dyn FnMut(DataChannelState) + Send + Sync>,
    pub(crate) on_message: Callback<dyn FnMut(DataBuffer<'_>) + Send + Sync>,
    pub(crate) on_buffered_amount_change: Callback<dyn FnMut(u64) + Send + Sync>,
    /// Inspects each message first, if the process has a doorkeeper.
    doorkeeper: Mutex<Option<Box<dyn Doorkeeper>>>,
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
    pub(crate) fn new(
        label: String,
        init: DataChannelInit,
        wake: Arc<Notify>,
        doors: Option<MakeDoorkeeper>,
    ) -> Self {
        let id = init
            .negotiated
            .then(|| u16::try_from(init.id).ok())
            .flatten();
        Self {
            doorkeeper: Mutex::new(doorkeeper::of_channel(&label, doors)),
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

    /// The configuration in SCTP's terms.
    pub(crate) fn config(&self) -> ChannelConfig {
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

    /// Changes the state, and notifies the user if it is a change.
    pub(crate) fn enter(&self, state: DataChannelState) {
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

    /// The SCTP stream is known.
    pub(crate) fn runs_on(&self, stream: Option<u16>) {
        self.inner.lock().id = stream;
    }

    /// A message has arrived.
    pub(crate) fn received(&self, message: DataBuffer<'_>) {
        {
            let mut inner = self.inner.lock();
            inner.counters.messages_received += 1;
            inner.counters.bytes_received += message.data.len() as u64;
        }
        // Taken out, so that it is called outside of any lock.
        let Some(mut doorkeeper) = self.doorkeeper.lock().take() else {
            return self.on_message.with(|call| call(message));
        };
        doorkeeper.message(message, &mut |message| {
            self.on_message.with(|call| call(message));
        });
        *self.doorkeeper.lock() = Some(doorkeeper);
    }

    /// Hands queued messages to SCTP until it is full. Returns the bytes accepted.
    pub(crate) fn flush(&self, rtc: &mut Rtc, id: ChannelId) -> u64 {
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
