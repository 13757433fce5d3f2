//! A frame of audio, as exchanged between the engine and its user.

use std::borrow::Cow;

/// Interleaved 16-bit samples, usually 10 ms of them.
#[derive(Debug, Clone)]
pub struct AudioFrame<'a> {
    /// Samples, interleaved by channel.
    pub data: Cow<'a, [i16]>,
    /// Samples per second in each channel, in Hz.
    pub sample_rate: u32,
    /// Number of channels.
    pub num_channels: u32,
    /// Number of samples in each channel.
    pub samples_per_channel: u32,
}

impl AudioFrame<'_> {
    /// A frame of silence that owns its samples.
    pub fn new(sample_rate: u32, num_channels: u32, samples_per_channel: u32) -> Self {
        let data = vec![0; num_channels as usize * samples_per_channel as usize];
        Self {
            data: data.into(),
            sample_rate,
            num_channels,
            samples_per_channel,
        }
    }
}
