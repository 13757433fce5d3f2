//! Reading the audio of a track we receive.

pub mod native;
