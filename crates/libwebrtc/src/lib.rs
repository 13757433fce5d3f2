//! A WebRTC engine behind the interface of LiveKit's `libwebrtc` crate.
//!
//! The official `livekit` crate uses WebRTC through `libwebrtc`, whose build fetches a prebuilt copy of Google's
//! library. This crate offers the same names over [`str0m`], Opus and our own jitter buffer, so that the unmodified
//! `livekit` crate builds with cargo alone.
//!
//! Three layers, each of which uses only those below it (checked by `tests/architecture.rs` of the product):
//!
//! - the public modules at the top level: the interface, thin handles;
//! - `engine`: the implementation, which does not know the handles;
//! - `vocabulary` and [`unsupported`]: the types that both use.
//!
//! Audio and data channels work in both directions, also encrypted between participants. Everything that is missing is
//! listed in [`unsupported`], one entry each, and reports so when it is used.

mod engine;
mod enum_dispatch;
#[doc(hidden)]
pub mod fuzz;
#[doc(hidden)]
pub mod measured;
mod track_methods;
mod vocabulary;

pub mod audio_source;
pub mod audio_stream;
pub mod audio_track;
pub mod data_channel;
pub mod media_stream;
pub mod media_stream_track;
pub mod native;
pub mod peer_connection;
pub mod peer_connection_factory;
pub mod prelude;
pub mod rtp_receiver;
pub mod rtp_sender;
pub mod rtp_transceiver;
pub mod unsupported;
pub mod video_source;
pub mod video_track;

pub use vocabulary::error::{RtcError, RtcErrorType};
pub use vocabulary::media::MediaType;
pub use vocabulary::{audio_frame, ice_candidate, rtp_parameters, session_description, stats};
