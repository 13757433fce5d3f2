//! Data channels (RFC 8831): messages next to the media.

use std::fmt;
use std::str::Utf8Error;
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use crate::engine::data::ChannelState;
use crate::rtp_parameters::Priority;

/// How a new channel behaves.
#[derive(Clone, Debug)]
pub struct DataChannelInit {
    /// Messages arrive in the order they were sent.
    pub ordered: bool,
    /// Milliseconds after which an undelivered message is given up.
    pub max_retransmit_time: Option<i32>,
    /// Retransmissions after which an undelivered message is given up.
    pub max_retransmits: Option<i32>,
    /// Subprotocol name, told to the other side.
    pub protocol: String,
    /// Both sides create the channel under the same `id`, without a handshake.
    pub negotiated: bool,
    /// The SCTP stream of a negotiated channel; -1 to have one chosen.
    pub id: i32,
    /// Not used by this engine.
    pub priority: Option<Priority>,
}

impl Default for DataChannelInit {
    fn default() -> Self {
        Self {
            ordered: true,
            max_retransmit_time: None,
            max_retransmits: None,
            protocol: String::new(),
            negotiated: false,
            id: -1,
            priority: None,
        }
    }
}

/// Why a message was not taken.
#[derive(Debug, Error)]
pub enum DataChannelError {
    /// The channel is not open, 16 MiB already wait in it, or the message is
    /// larger than 128 KiB.
    #[error("the data channel is not open, its send queue is full, or the message is over 128 KiB")]
    Send,
    /// A text message that is not UTF-8.
    #[error("a text message must be UTF-8")]
    Utf8(#[from] Utf8Error),
}

/// The life of a channel.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataChannelState {
    /// Not usable yet.
    Connecting,
    /// Messages flow.
    Open,
    /// Being closed.
    Closing,
    /// Closed for good.
    Closed,
}

/// A received message.
#[derive(Debug)]
pub struct DataBuffer<'a> {
    /// Its bytes.
    pub data: &'a [u8],
    /// Whether it was sent as binary rather than text.
    pub binary: bool,
}

/// Called on each change of state.
pub type OnStateChange = Box<dyn FnMut(DataChannelState) + Send + Sync>;
/// Called with each message.
pub type OnMessage = Box<dyn FnMut(DataBuffer) + Send + Sync>;
/// Called with the number of queued bytes handed to the transport; every byte
/// taken by `send` is reported exactly once.
pub type OnBufferedAmountChange = Box<dyn FnMut(u64) + Send + Sync>;

/// A data channel. Clones are the same channel.
#[derive(Clone)]
pub struct DataChannel {
    pub(crate) state: Arc<ChannelState>,
}

impl DataChannel {
    /// Queues a message.
    ///
    /// # Errors
    /// When the channel is not open, its queue is full, the message is larger
    /// than 128 KiB, or text is not UTF-8.
    pub fn send(&self, data: &[u8], binary: bool) -> Result<(), DataChannelError> {
        if !binary {
            std::str::from_utf8(data)?;
        }
        self.state.send(data, binary)
    }

    /// The SCTP stream, or -1 while none is known.
    pub fn id(&self) -> i32 {
        self.state.id()
    }

    /// The channel's name.
    pub fn label(&self) -> String {
        self.state.label().to_owned()
    }

    /// Where the channel is in its life.
    pub fn state(&self) -> DataChannelState {
        self.state.state()
    }

    /// Closes the channel; queued messages are dropped.
    pub fn close(&self) {
        self.state.close();
    }

    /// Bytes queued and not yet handed to the transport.
    pub fn buffered_amount(&self) -> u64 {
        self.state.buffered_amount()
    }

    /// Sets or clears the callback for changes of state.
    pub fn on_state_change(&self, callback: Option<OnStateChange>) {
        self.state.on_state_change.set(callback);
    }

    /// Sets or clears the callback for messages.
    pub fn on_message(&self, callback: Option<OnMessage>) {
        self.state.on_message.set(callback);
    }

    /// Sets or clears the callback for bytes leaving the queue.
    pub fn on_buffered_amount_change(&self, callback: Option<OnBufferedAmountChange>) {
        self.state.on_buffered_amount_change.set(callback);
    }
}

impl fmt::Debug for DataChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataChannel")
            .field("id", &self.id())
            .field("label", &self.label())
            .field("state", &self.state())
            .finish()
    }
}
