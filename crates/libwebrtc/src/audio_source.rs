//! Where the audio of a track we send comes from.

pub mod native;
mod options;

pub use options::AudioSourceOptions;

/// The rate of a source that does not specify one, in Hz.
pub const DEFAULT_SAMPLE_RATE: u32 = 48_000;

/// The number of channels of a source that does not specify one.
pub const DEFAULT_NUM_CHANNELS: u32 = 1;

/// A source of audio.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub enum RtcAudioSource {
    /// Frames pushed by the application.
    Native(native::NativeAudioSource),
    /// This machine's microphone: not supported.
    Device,
}

impl RtcAudioSource {
    /// Requests processing; see [`native::NativeAudioSource::set_audio_options`].
    pub fn set_audio_options(&self, options: AudioSourceOptions) {
        if let Self::Native(source) = self {
            source.set_audio_options(options);
        }
    }

    /// The processing applied: none.
    pub fn audio_options(&self) -> AudioSourceOptions {
        AudioSourceOptions::default()
    }

    /// Samples per second in each channel, in Hz.
    pub fn sample_rate(&self) -> u32 {
        match self {
            Self::Native(source) => source.sample_rate(),
            Self::Device => DEFAULT_SAMPLE_RATE,
        }
    }

    /// Number of channels.
    pub fn num_channels(&self) -> u32 {
        match self {
            Self::Native(source) => source.num_channels(),
            Self::Device => DEFAULT_NUM_CHANNELS,
        }
    }
}
