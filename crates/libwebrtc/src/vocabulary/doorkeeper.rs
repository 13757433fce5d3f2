//! Who looks at what comes in over data channels before its user does.

use crate::vocabulary::data_channel::DataBuffer;

/// Looks at each message that comes in on one channel.
pub trait Doorkeeper: Send {
    /// A message has come. What the channel's user is to see goes to `deliver`.
    fn message(&mut self, message: DataBuffer<'_>, deliver: &mut dyn FnMut(DataBuffer<'_>));
}

/// Makes the doorkeeper of a channel with this label.
pub type MakeDoorkeeper = fn(label: &str) -> Box<dyn Doorkeeper>;

/// Looks at each data packet of one room that came encrypted, once it is open: on its channel nobody could see
/// what it is.
pub trait OpenedDoorkeeper: Send {
    /// A packet of this participant's was opened. What its user is to see of it, if anything.
    fn opened(&mut self, sender: &str, packet: Vec<u8>) -> Option<Vec<u8>>;
}

/// Makes the doorkeeper of a room's packets.
pub type MakeOpenedDoorkeeper = fn() -> Box<dyn OpenedDoorkeeper>;
