//! The implementation behind the interface.
//!
//! [`peer`] is the single task that owns a connection's [`str0m::Rtc`] and sockets; everything else reaches it through
//! [`shared::Shared`], a snapshot under one short lock, and a bounded queue of commands. Only that task calls
//! callbacks, outside of any lock.

pub(crate) mod audio_in;
pub(crate) mod audio_out;
pub(crate) mod callback;
pub(crate) mod channel;
pub(crate) mod clock;
pub(crate) mod command;
pub(crate) mod doorkeeper;
pub(crate) mod encryption;
pub(crate) mod fallback;
pub(crate) mod liveness;
pub(crate) mod net;
pub(crate) mod peer;
pub(crate) mod playout;
pub(crate) mod resample;
pub(crate) mod sdp;
pub(crate) mod shared;
pub(crate) mod track;
pub(crate) mod track_core;
pub(crate) mod transceiver;
