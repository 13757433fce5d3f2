//! Doorkeepers see what arrives over data channels before its user does.

use crate::vocabulary::data_channel::DataBuffer;

/// Inspects each message that arrives on one channel.
pub trait Doorkeeper: Send {
    /// A message has arrived. What the channel's user may see is passed to `deliver`.
    fn message(&mut self, message: DataBuffer<'_>, deliver: &mut dyn FnMut(DataBuffer<'_>));
}

/// Makes the doorkeeper of a channel with this label.
pub type MakeDoorkeeper = fn(label: &str) -> Box<dyn Doorkeeper>;

/// Inspects each encrypted data packet of one room, once it is decrypted: on its channel nobody can tell what it is.
pub trait OpenedDoorkeeper: Send {
    /// A packet of this participant was decrypted. Returns what its user may see of it, if anything.
    fn opened(&mut self, sender: &str, packet: Vec<u8>) -> Option<Vec<u8>>;
}

/// Makes the doorkeeper of a room's packets.
pub type MakeOpenedDoorkeeper = fn() -> Box<dyn OpenedDoorkeeper>;
