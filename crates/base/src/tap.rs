//! Lets a recorder listen to both voices in a room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::audio::Pcm;
use crate::clock;

/// How many 10 ms frames may wait for the recorder: five seconds of both voices, for a disk that stalls. When the
/// queue is full, the frame is dropped and counted, and the recording is silent there: the call never waits for its
/// recorder.
const TAPPED: usize = 1_000;

/// The topic of the control plane's messages to recorders, which are [`Command`]s as JSON.
pub const RECORDING_TOPIC: &str = "sidetone.recording";

/// What the control plane tells a recorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The id of the recording, which only the store knows: it proves where the command comes from.
    pub recording: String,
    /// Whether to record silence from now on, or sound again.
    pub paused: bool,
}

/// 10 ms of one voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sound {
    /// The caller's, as it left the jitter buffer.
    Caller(Pcm<16_000>),
    /// The agent's, as it was handed to the media engine.
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
    paused: watch::Sender<bool>,
    recording: Arc<str>,
}

/// The recorder's end.
#[derive(Debug)]
pub struct Tapping {
    /// Both voices. The channel closes with the call.
    pub sound: mpsc::Receiver<Tapped>,
    /// Whether silence passes instead of sound.
    pub paused: watch::Receiver<bool>,
    dropped: Arc<AtomicU64>,
}

impl Tapping {
    /// How many frames have been dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Tap {
    /// Opens a tap for the recording of this id, and returns the recorder's end with it.
    pub fn open(recording: &str) -> (Self, Tapping) {
        let (to, sound) = mpsc::channel(TAPPED);
        let tap = Self {
            to: Some(to),
            recording: recording.into(),
            ..Self::default()
        };
        let tapping = Tapping {
            sound,
            paused: tap.paused.subscribe(),
            dropped: Arc::clone(&tap.dropped),
        };
        (tap, tapping)
    }

    /// From now on passes silence (`true`), or sound again. What is said during a pause goes no further than this.
    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Executes a [`Command`]; an invalid one, or one for another recording, is ignored with a warning.
    pub fn command(&self, json: &[u8]) {
        match serde_json::from_slice::<Command>(json) {
            Ok(command) if *command.recording == *self.recording => self.pause(command.paused),
            _ => tracing::warn!("ignored a command for another recorder"),
        }
    }

    /// Passes a frame that was heard from the caller.
    pub fn caller(&self, frame: &Pcm<16_000>) {
        self.send(|| Sound::Caller(self.audible(frame)));
    }

    /// Passes a frame that was sent from the agent.
    pub fn agent(&self, frame: &Pcm<48_000>) {
        self.send(|| Sound::Agent(self.audible(frame)));
    }

    fn audible<const HZ: u32>(&self, frame: &Pcm<HZ>) -> Pcm<HZ> {
        match *self.paused.borrow() {
            true => Pcm::silence(frame.duration()),
            false => frame.clone(),
        }
    }

    fn send(&self, sound: impl FnOnce() -> Sound) {
        let Some(to) = &self.to else { return };
        let at = clock::now();
        match to.try_reserve() {
            Ok(permit) => permit.send(Tapped { at, sound: sound() }),
            Err(mpsc::error::TrySendError::Full(())) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            // The recorder has given up (a full disk), and has already reported it.
            Err(mpsc::error::TrySendError::Closed(())) => {}
        }
    }
}

#[cfg(test)]
mod tests;
