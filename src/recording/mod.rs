//! Recordings of calls, made by the process that holds the call: no recorder fleet.

pub mod ogg;
pub mod timeline;
