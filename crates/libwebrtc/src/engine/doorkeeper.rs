//! Who looks at a channel's messages before its user does.

use std::sync::OnceLock;

use crate::vocabulary::data_channel::DataBuffer;

/// Looks at each message that comes in on one channel.
pub trait Doorkeeper: Send {
    /// A message has come. What the channel's user is to see goes to `deliver`.
    fn message(&mut self, message: DataBuffer<'_>, deliver: &mut dyn FnMut(DataBuffer<'_>));
}

/// Makes the doorkeeper of a channel with this label.
pub type MakeDoorkeeper = fn(label: &str) -> Box<dyn Doorkeeper>;

static MAKE: OnceLock<MakeDoorkeeper> = OnceLock::new();

/// See [`crate::data_channel::keep_doors`].
pub(crate) fn keep_doors(make: MakeDoorkeeper) {
    // The first one stays.
    let _ = MAKE.set(make);
}

pub(crate) fn of_channel(label: &str) -> Option<Box<dyn Doorkeeper>> {
    MAKE.get().map(|make| make(label))
}
