//! A WebRTC engine behind the interface of LiveKit's `libwebrtc` crate.
//!
//! The official `livekit` crate talks to WebRTC through `libwebrtc`, whose
//! build fetches a prebuilt copy of Google's library. This crate offers the
//! same names over [`str0m`], Opus and our own jitter buffer, so that the
//! unmodified `livekit` crate builds with cargo alone.
//!
//! Three layers, each of which uses only those below it (`tests/layers.rs`):
//!
//! - the public modules at the top level: the interface, thin handles;
//! - `engine`: the work, which knows no handle;
//! - `vocabulary` and [`unsupported`]: the values both speak in.
//!
//! Audio and data channels work both ways, also encrypted between participants. What is not there is listed in
//! [`unsupported`], one entry each, and says so when it is used.

mod engine;
mod enum_dispatch;
#[doc(hidden)]
pub mod fuzz;
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
