//! The process's doorkeepers.

use std::sync::OnceLock;

use crate::vocabulary::doorkeeper::{
    Doorkeeper, MakeDoorkeeper, MakeOpenedDoorkeeper, OpenedDoorkeeper,
};

static MAKE: OnceLock<MakeDoorkeeper> = OnceLock::new();
static MAKE_OPENED: OnceLock<MakeOpenedDoorkeeper> = OnceLock::new();

/// See [`crate::data_channel::keep_doors`].
pub(crate) fn keep_doors(make: MakeDoorkeeper) {
    // The first one stays.
    let _ = MAKE.set(make);
}

/// See [`crate::data_channel::keep_opened`].
pub(crate) fn keep_opened(make: MakeOpenedDoorkeeper) {
    // The first one stays.
    let _ = MAKE_OPENED.set(make);
}

pub(crate) fn of_channel(
    label: &str,
    of_connection: Option<MakeDoorkeeper>,
) -> Option<Box<dyn Doorkeeper>> {
    let make = of_connection.or_else(|| MAKE.get().copied());
    make.map(|make| make(label))
}

pub(crate) fn of_opened() -> Option<Box<dyn OpenedDoorkeeper>> {
    MAKE_OPENED.get().map(|make| make())
}
