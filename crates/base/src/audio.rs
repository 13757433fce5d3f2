//! Sound as values: samples that know their rate, resampling between rates, WAV files.

pub mod pcm;
pub mod resampler;
pub mod wav;

pub use pcm::{Pcm, PcmDecoder};
pub use resampler::Resampler;
