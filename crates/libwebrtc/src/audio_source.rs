//! Where the audio of a track we send comes from.

/// The rate of a source that does not say, in Hz.
pub const DEFAULT_SAMPLE_RATE: u32 = 48_000;

/// The number of channels of a source that does not say.
pub const DEFAULT_NUM_CHANNELS: u32 = 1;

/// Processing a source may ask for; none is applied by this engine.
#[derive(Default, Debug)]
pub struct AudioSourceOptions {
    /// Remove what the loudspeaker plays from what the microphone hears.
    pub echo_cancellation: bool,
    /// Remove steady noise.
    pub noise_suppression: bool,
    /// Level the voice.
    pub auto_gain_control: bool,
}

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
    /// Asks for processing; see [`native::NativeAudioSource::set_audio_options`].
    pub fn set_audio_options(&self, options: AudioSourceOptions) {
        if let Self::Native(source) = self {
            source.set_audio_options(options);
        }
    }

    /// The processing applied: none.
    pub fn audio_options(&self) -> AudioSourceOptions {
        AudioSourceOptions::default()
    }

    /// Samples a second in each channel, in Hz.
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

/// The sources of a native build.
pub mod native {
    use std::fmt;
    use std::sync::Arc;

    use super::AudioSourceOptions;
    use crate::RtcError;
    use crate::audio_frame::AudioFrame;
    use crate::engine::audio_out::Source;
    use crate::unsupported::Unsupported;

    /// A source the application fills. It is read at real time, 10 ms at once;
    /// where nothing is queued it gives silence. Clones are the same source.
    #[derive(Clone)]
    pub struct NativeAudioSource {
        pub(crate) source: Arc<Source>,
    }

    impl NativeAudioSource {
        /// A source of `sample_rate` Hz and `num_channels` channels whose
        /// queue holds `queue_size_ms` before [`capture_frame`] waits. With 0
        /// frames must be 10 ms long and are never waited for.
        ///
        /// # Panics
        /// When `queue_size_ms` is not a multiple of 10, or the rate or the
        /// number of channels is 0.
        ///
        /// [`capture_frame`]: Self::capture_frame
        pub fn new(
            options: AudioSourceOptions,
            sample_rate: u32,
            num_channels: u32,
            queue_size_ms: u32,
        ) -> Self {
            assert!(
                queue_size_ms.is_multiple_of(10),
                "queue_size_ms must be a multiple of 10"
            );
            assert!(
                sample_rate > 0 && num_channels > 0,
                "a source needs a rate and a channel"
            );
            let source = Source::new(sample_rate, num_channels, queue_size_ms);
            let source = Self {
                source: Arc::new(source),
            };
            source.set_audio_options(options);
            source
        }

        /// Drops what is queued and releases who waits: the voice stops now.
        pub fn clear_buffer(&self) {
            self.source.clear();
        }

        /// Queues a frame and waits until the queue is at or under its size.
        ///
        /// # Errors
        /// When the frame's rate or channels differ from the source's, its
        /// samples are not a whole number of channels, or, for a source
        /// without a queue, it is not 10 ms long or comes faster than real time.
        pub async fn capture_frame(&self, frame: &AudioFrame<'_>) -> Result<(), RtcError> {
            self.source.capture(frame).await
        }

        /// Not applied: see [`Unsupported::AudioProcessing`].
        pub fn set_audio_options(&self, options: AudioSourceOptions) {
            if options.echo_cancellation || options.noise_suppression || options.auto_gain_control {
                Unsupported::AudioProcessing.report();
            }
        }

        /// The processing applied: none.
        pub fn audio_options(&self) -> AudioSourceOptions {
            AudioSourceOptions::default()
        }

        /// Samples a second in each channel, in Hz.
        pub fn sample_rate(&self) -> u32 {
            self.source.sample_rate()
        }

        /// Number of channels.
        pub fn num_channels(&self) -> u32 {
            self.source.num_channels()
        }
    }

    impl fmt::Debug for NativeAudioSource {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("NativeAudioSource")
                .field("sample_rate", &self.sample_rate())
                .field("num_channels", &self.num_channels())
                .finish()
        }
    }
}
