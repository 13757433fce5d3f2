//! The driver of a [`CaptureQueue`]: one task with a 10 ms clock.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::encoder::TrackEncoder;
use super::queue::CaptureQueue;
use crate::vocabulary::audio_frame::AudioFrame;
use crate::vocabulary::error::RtcError;

/// Ticks without audio or encoders after which the task ends; the next capture or encoder starts another.
const IDLE_TICKS: u32 = 100;

/// The state behind a `NativeAudioSource`.
pub(crate) struct Source {
    sample_rate: u32,
    channels: u32,
    queue_size_ms: u32,
    inner: Mutex<Inner>,
    /// Wakes captures after the queue has moved.
    moved: Notify,
    /// One capture at a time, in order of arrival.
    turn: tokio::sync::Mutex<()>,
}

struct Inner {
    queue: CaptureQueue,
    encoders: Vec<TrackEncoder>,
    ticking: bool,
}

impl Source {
    pub(crate) fn new(sample_rate: u32, channels: u32, queue_size_ms: u32) -> Self {
        let frame = (sample_rate / 100 * channels) as usize;
        let size = frame * (queue_size_ms / 10) as usize;
        let queue = CaptureQueue::new(frame, size);
        Self {
            sample_rate,
            channels,
            queue_size_ms,
            inner: Mutex::new(Inner {
                queue,
                encoders: Vec::new(),
                ticking: false,
            }),
            moved: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    pub(crate) fn num_channels(&self) -> u32 {
        self.channels
    }

    pub(crate) fn clear(&self) {
        self.inner.lock().queue.clear();
        self.moved.notify_waiters();
    }

    /// Adds an encoder for this source. Needs a tokio runtime.
    pub(crate) fn attach(self: &Arc<Self>, encoder: TrackEncoder) {
        self.inner.lock().encoders.push(encoder);
        self.ensure_ticking();
    }

    pub(crate) async fn capture(self: &Arc<Self>, frame: &AudioFrame<'_>) -> Result<(), RtcError> {
        if frame.sample_rate != self.sample_rate || frame.num_channels != self.channels {
            return Err(RtcError::invalid_state(format!(
                "this source takes {} Hz and {} channels, the frame has {} Hz and {}",
                self.sample_rate, self.channels, frame.sample_rate, frame.num_channels
            )));
        }
        if !frame.data.len().is_multiple_of(self.channels as usize) {
            return Err(RtcError::invalid_state(
                "the frame's last sample lacks channels",
            ));
        }
        if self.queue_size_ms == 0 {
            return self.capture_directly(&frame.data);
        }
        let _turn = self.turn.lock().await;
        let mut rest: &[i16] = &frame.data;
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let mut inner = self.inner.lock();
                let now = rest.len().min(inner.queue.room());
                inner.queue.push(&rest[..now]);
                rest = &rest[now..];
                if rest.is_empty() && inner.queue.is_settled() {
                    drop(inner);
                    self.ensure_ticking();
                    return Ok(());
                }
            }
            self.ensure_ticking();
            moved.await;
        }
    }

    fn capture_directly(self: &Arc<Self>, samples: &[i16]) -> Result<(), RtcError> {
        let frame = (self.sample_rate / 100 * self.channels) as usize;
        if samples.len() != frame {
            return Err(RtcError::invalid_state(
                "a source without a queue takes 10 ms frames",
            ));
        }
        {
            let mut inner = self.inner.lock();
            if inner.queue.room() < frame {
                return Err(RtcError::invalid_state("frames come faster than real time"));
            }
            inner.queue.push(samples);
        }
        self.ensure_ticking();
        Ok(())
    }

    fn ensure_ticking(self: &Arc<Self>) {
        let mut inner = self.inner.lock();
        if !inner.ticking {
            inner.ticking = true;
            tokio::spawn(run(Arc::downgrade(self)));
        }
    }

    /// Moves 10 ms from the queue through the encoders. Returns whether there was anything to do.
    fn tick(&self, frame: &mut Vec<i16>) -> bool {
        let mut inner = self.inner.lock();
        let sound = inner.queue.tick(frame);
        inner.encoders.retain_mut(|encoder| encoder.push(frame));
        let busy = sound || !inner.encoders.is_empty();
        drop(inner);
        self.moved.notify_waiters();
        busy
    }

    /// Marks the task as ended unless something has arrived since.
    fn stop_ticking(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.ticking = !inner.encoders.is_empty() || !inner.queue.is_settled();
        !inner.ticking
    }
}

/// Ticks until the source is gone or has been idle for long. Late ticks are made up for, so that the audio sent keeps
/// to real time.
async fn run(source: Weak<Source>) {
    let mut clock = interval(Duration::from_millis(10));
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut frame = Vec::new();
    let mut idle = 0;
    loop {
        clock.tick().await;
        let Some(source) = source.upgrade() else {
            return;
        };
        idle = if source.tick(&mut frame) { 0 } else { idle + 1 };
        if idle >= IDLE_TICKS && source.stop_ticking() {
            return;
        }
    }
}
