//! Sidetone: one process that joins LiveKit rooms as a participant and talks with people.
//! `ARCHITECTURE.md` is the map.

pub mod audio;
pub mod clock;
pub mod openai;
