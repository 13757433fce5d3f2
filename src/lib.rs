//! Sidetone: one process that joins LiveKit rooms as a participant and talks with people.
//! `ARCHITECTURE.md` is the map.

pub mod audio;
pub mod call;
pub mod check;
pub mod clock;
pub mod config;
pub mod control;
pub mod dispatch;
pub mod http;
pub mod store;
pub mod transport;
pub mod turn;
pub mod worker;
