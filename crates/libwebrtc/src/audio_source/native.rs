//! The sources of a native build.

use std::fmt;
use std::sync::Arc;

use super::options::AudioSourceOptions;
use crate::engine::audio_out::Source;
use crate::unsupported::Unsupported;
use crate::vocabulary::audio_frame::AudioFrame;
use crate::vocabulary::error::RtcError;

/// A source filled by the application. It is read in real time, 10 ms at a time; if nothing is queued it yields
/// silence. Clones are the same source.
#[derive(Clone)]
pub struct NativeAudioSource {
    pub(crate) source: Arc<Source>,
}

impl NativeAudioSource {
    /// A source of `sample_rate` Hz and `num_channels` channels whose queue holds `queue_size_ms` before
    /// [`capture_frame`] waits. With 0, frames must be 10 ms long and are never waited for.
    ///
    /// # Panics
    /// When `queue_size_ms` is not a multiple of 10, or the rate or the number of channels is 0.
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

    /// Drops what is queued and releases waiting callers: the voice stops now.
    pub fn clear_buffer(&self) {
        self.source.clear();
    }

    /// Queues a frame and waits until the queue is at or below its size.
    ///
    /// # Errors
    /// When the frame's rate or channels differ from the source's, its samples are not a whole number of channels, or,
    /// for a source without a queue, it is not 10 ms long or comes faster than real time.
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

    /// Samples per second in each channel, in Hz.
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
