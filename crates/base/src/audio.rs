//! Sound as values: samples whose type states their rate, resampling between rates, and WAV files.

pub mod pcm;
pub mod resampler;
pub mod wav;

pub use pcm::{Pcm, PcmDecoder};
pub use resampler::Resampler;
