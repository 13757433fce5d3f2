//! Sidetone: one process that joins LiveKit rooms as a participant and talks with people.
//! `ARCHITECTURE.md` is the map.

pub mod clock;
pub mod config;
pub mod dispatch;
pub mod worker;
