//! Data channels (RFC 8831): messages alongside the media.

use std::fmt;
use std::sync::Arc;

use crate::engine::channel::ChannelState;
use crate::engine::doorkeeper;

pub use crate::vocabulary::data_channel::{
    DataBuffer, DataChannelError, DataChannelInit, DataChannelState,
};
pub use crate::vocabulary::doorkeeper::{
    Doorkeeper, MakeDoorkeeper, MakeOpenedDoorkeeper, OpenedDoorkeeper,
};

/// Called on each change of state.
pub type OnStateChange = Box<dyn FnMut(DataChannelState) + Send + Sync>;
/// Called with each message.
pub type OnMessage = Box<dyn FnMut(DataBuffer) + Send + Sync>;
/// Called with the number of queued bytes handed to the transport; every byte accepted by `send` is reported exactly
/// once.
pub type OnBufferedAmountChange = Box<dyn FnMut(u64) + Send + Sync>;

/// Makes a doorkeeper inspect all messages of all channels created from now on, before their users see them. A process
/// has one kind: the first one set stays. (The crate that this one stands in for has no such function; to go back to
/// it, remove the call.)
pub fn keep_doors(make: MakeDoorkeeper) {
    doorkeeper::keep_doors(make);
}

/// The same for encrypted data packets, once they are decrypted: on their channels nobody can tell what they are.
pub fn keep_opened(make: MakeOpenedDoorkeeper) {
    doorkeeper::keep_opened(make);
}

/// A data channel. Clones are the same channel.
#[derive(Clone)]
pub struct DataChannel {
    pub(crate) state: Arc<ChannelState>,
}

impl DataChannel {
    /// Queues a message.
    ///
    /// # Errors
    /// When the channel is not open, its queue is full, the message is larger than 128 KiB, or text is not UTF-8.
    pub fn send(&self, data: &[u8], binary: bool) -> Result<(), DataChannelError> {
        if !binary {
            std::str::from_utf8(data)?;
        }
        self.state.send(data, binary)
    }

    /// The SCTP stream, or -1 while it is unknown.
    pub fn id(&self) -> i32 {
        self.state.id()
    }

    /// The channel's name.
    pub fn label(&self) -> String {
        self.state.label().to_owned()
    }

    /// The channel's state.
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
