//! The streams of a native build.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::time::Sleep;
use tokio_stream::Stream;

use crate::audio_track::RtcAudioTrack;
use crate::engine::audio_in::JitterBuffer;
use crate::engine::clock;
use crate::engine::playout::PlayoutClock;
use crate::unsupported::Unsupported;
use crate::vocabulary::audio_frame::AudioFrame;
use crate::vocabulary::media::RtcTrackState;

const DEFAULT_QUEUE_FRAMES: u64 = 10;

/// Most frames decoded and discarded when a reader resumes after a pause: the jitter buffer holds no more than five
/// seconds.
const MOST_SKIPPED: u64 = 500;

/// How a stream behaves.
#[derive(Clone, Debug, Default)]
pub struct NativeAudioStreamOptions {
    /// How many 10 ms frames a slow reader may lag behind before the oldest are dropped: `None` means 10, `Some(0)` any
    /// number.
    pub queue_size_frames: Option<usize>,
}

/// A stream of 10 ms frames in real time: 100 per second, whatever arrives.
///
/// Reading drives it: each stream owns a jitter buffer that decodes at the requested rate, and a frame is decoded when
/// it is due and polled. It ends when the track does.
pub struct NativeAudioStream {
    track: RtcAudioTrack,
    buffer: Option<Arc<Mutex<JitterBuffer>>>,
    sample_rate: u32,
    num_channels: u32,
    most_behind: u64,
    playout: Option<(PlayoutClock, Pin<Box<Sleep>>)>,
}

impl NativeAudioStream {
    /// A stream of `audio_track` at `sample_rate` Hz (a multiple of 100)
    /// and `num_channels` (above two, the second is repeated).
    pub fn new(audio_track: RtcAudioTrack, sample_rate: i32, num_channels: i32) -> Self {
        Self::with_options(audio_track, sample_rate, num_channels, Default::default())
    }

    /// The same with a queue of a given size.
    pub fn with_options(
        audio_track: RtcAudioTrack,
        sample_rate: i32,
        num_channels: i32,
        options: NativeAudioStreamOptions,
    ) -> Self {
        let sample_rate = sample_rate.max(100) as u32;
        let num_channels = num_channels.max(1) as u32;
        let buffer = JitterBuffer::new(sample_rate, num_channels.min(2) as usize)
            .inspect_err(|error| tracing::error!(%error, sample_rate, "no Opus decoder"))
            .ok()
            .map(|buffer| Arc::new(Mutex::new(buffer)))
            .filter(|buffer| {
                let remote = audio_track.inner.add_listener(buffer);
                if !remote {
                    Unsupported::LocalAudioStream.report();
                }
                remote
            });
        let most_behind = match options.queue_size_frames {
            None => DEFAULT_QUEUE_FRAMES,
            Some(0) => u64::MAX,
            Some(frames) => frames as u64,
        };
        Self {
            track: audio_track,
            buffer,
            sample_rate,
            num_channels,
            most_behind,
            playout: None,
        }
    }

    /// The track being read.
    pub fn track(&self) -> RtcAudioTrack {
        self.track.clone()
    }

    /// Ends the stream.
    pub fn close(&mut self) {
        self.buffer = None;
    }

    fn next_frame(&self, buffer: &Mutex<JitterBuffer>) -> AudioFrame<'static> {
        let mut buffer = buffer.lock();
        let frames = self.sample_rate as usize / 100;
        let mut data = Vec::with_capacity(frames * self.num_channels as usize);
        buffer.pull(clock::now(), &mut data);
        if self.num_channels > 2 {
            let stereo = data;
            data = stereo
                .chunks_exact(2)
                .flat_map(|pair| {
                    let rest = self.num_channels as usize - 1;
                    std::iter::once(pair[0]).chain(std::iter::repeat_n(pair[1], rest))
                })
                .collect();
        }
        AudioFrame {
            data: data.into(),
            sample_rate: self.sample_rate,
            num_channels: self.num_channels,
            samples_per_channel: frames as u32,
        }
    }
}

impl Stream for NativeAudioStream {
    type Item = AudioFrame<'static>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let (clock, sleep) = this.playout.get_or_insert_with(|| {
            let clock = PlayoutClock::new(clock::now());
            let sleep = tokio::time::sleep_until(clock.next_due().into());
            (clock, Box::pin(sleep))
        });
        loop {
            let Some(buffer) = &this.buffer else {
                return Poll::Ready(None);
            };
            if this.track.state() == RtcTrackState::Ended {
                this.buffer = None;
                return Poll::Ready(None);
            }
            let now = clock::now();
            let dropped = clock.drop_beyond(now, this.most_behind);
            if dropped > 0 {
                let mut buffer = buffer.lock();
                let mut skipped = Vec::new();
                for _ in 0..dropped.min(MOST_SKIPPED) {
                    skipped.clear();
                    buffer.pull(now, &mut skipped);
                }
            }
            if clock.take_due(now) {
                let buffer = buffer.clone();
                return Poll::Ready(Some(this.next_frame(&buffer)));
            }
            sleep.as_mut().reset(clock.next_due().into());
            ready!(sleep.as_mut().poll(cx));
        }
    }
}

impl fmt::Debug for NativeAudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeAudioStream")
            .field("track", &self.track)
            .finish()
    }
}
