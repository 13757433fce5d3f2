//! From captured frames to Opus packets at real time.

mod encoder;
mod queue;
mod source;

pub(crate) use encoder::{EncodedPacket, EncoderSettings, TrackEncoder};
pub(crate) use source::Source;
