//! Sound as values: samples that know their rate, resampling between rates, WAV files.

pub mod pcm;

pub use pcm::{Pcm, PcmDecoder};
