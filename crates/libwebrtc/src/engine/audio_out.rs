//! From captured frames to Opus packets in real time.

mod encoder;
mod queue;
mod source;

pub(crate) use encoder::{EncodedPacket, EncoderSettings, TrackEncoder};
pub(crate) use source::Source;
