//! Data channels: options, messages and errors.

use std::str::Utf8Error;

use serde::Deserialize;
use thiserror::Error;

use crate::vocabulary::rtp_parameters::Priority;

/// How a new channel behaves.
#[derive(Clone, Debug)]
pub struct DataChannelInit {
    /// Messages arrive in the order they were sent.
    pub ordered: bool,
    /// Milliseconds after which an undelivered message is given up.
    pub max_retransmit_time: Option<i32>,
    /// Retransmissions after which an undelivered message is given up.
    pub max_retransmits: Option<i32>,
    /// Subprotocol name, sent to the other side.
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

/// Why a message was not accepted.
#[derive(Debug, Error)]
pub enum DataChannelError {
    /// The channel is not open, 16 MiB already wait in it, or the message is larger than 128 KiB.
    #[error("the data channel is not open, its send queue is full, or the message is over 128 KiB")]
    Send,
    /// A text message that is not UTF-8.
    #[error("a text message must be UTF-8")]
    Utf8(#[from] Utf8Error),
}

/// The state of a channel.
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
