//! Lets a recorder listen in on a room's two voices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::audio::Pcm;
use crate::clock;

/// Frames of 10 ms that may wait for the recorder: five seconds of both voices, for a disk that
/// stalls. When it is full the frame is dropped and counted, and the recording is silent there:
/// the call never waits for its recorder.
const TAPPED: usize = 1_000;

/// 10 ms of one voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sound {
    /// Of the caller, as it left the jitter buffer.
    Caller(Pcm<16_000>),
    /// Of the agent, as it was handed to the media engine.
    Agent(Pcm<48_000>),
}

/// A frame, and when it passed the tap.
#[derive(Debug)]
pub struct Tapped {
    /// When.
    pub at: Instant,
    /// What.
    pub sound: Sound,
}

/// The driver's end. The default one leads nowhere.
#[derive(Debug, Clone, Default)]
pub struct Tap {
    to: Option<mpsc::Sender<Tapped>>,
    dropped: Arc<AtomicU64>,
}

impl Tap {
    /// A tap, and where its sound comes out.
    pub fn open() -> (Self, mpsc::Receiver<Tapped>) {
        let (to, from) = mpsc::channel(TAPPED);
        let tap = Self {
            to: Some(to),
            dropped: Arc::default(),
        };
        (tap, from)
    }

    /// Frames that were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The caller was heard.
    pub fn caller(&self, frame: &Pcm<16_000>) {
        self.send(|| Sound::Caller(frame.clone()));
    }

    /// The agent was sent.
    pub fn agent(&self, frame: &Pcm<48_000>) {
        self.send(|| Sound::Agent(frame.clone()));
    }

    fn send(&self, sound: impl FnOnce() -> Sound) {
        let Some(to) = &self.to else { return };
        let at = clock::now();
        match to.try_reserve() {
            Ok(permit) => permit.send(Tapped { at, sound: sound() }),
            Err(mpsc::error::TrySendError::Full(())) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            // The recorder has given up (a full disk); it has said so.
            Err(mpsc::error::TrySendError::Closed(())) => {}
        }
    }
}
