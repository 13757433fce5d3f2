//! Shared types: the values that the interface and the engine exchange, and those that modules of the interface share.
//!
//! They are below both and use nothing from either, so that neither depends on the other for the sake of a type. The
//! interface re-exports them under the paths that `livekit` expects.

pub mod audio_frame;
pub mod configuration;
pub mod data_channel;
pub mod doorkeeper;
pub mod encryption;
pub mod error;
pub mod gathering;
pub mod ice_candidate;
pub mod media;
pub mod packet_trailer;
pub mod paths;
pub mod rtp_parameters;
pub mod session_description;
pub mod states;
pub mod stats;
pub mod transceiver;
