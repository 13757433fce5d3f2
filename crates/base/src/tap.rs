//! Lets a recorder listen in on a room's two voices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::audio::Pcm;
use crate::clock;

/// Frames of 10 ms that may wait for the recorder: five seconds of both voices, for a disk that
/// stalls. When it is full the frame is dropped and counted, and the recording is silent there:
/// the call never waits for its recorder.
const TAPPED: usize = 1_000;

/// Topic of the control plane's messages to recorders, [`Command`]s as JSON.
pub const RECORDING_TOPIC: &str = "sidetone.recording";

/// What the control plane tells a recorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Id of the recording, which only the store knows: it proves where the command is from.
    pub recording: String,
    /// Record silence from now on, or sound again.
    pub paused: bool,
}

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
    paused: watch::Sender<bool>,
    recording: Arc<str>,
}

/// The recorder's end.
#[derive(Debug)]
pub struct Tapping {
    /// Both voices. It ends with the call.
    pub sound: mpsc::Receiver<Tapped>,
    /// Whether silence passes instead of sound.
    pub paused: watch::Receiver<bool>,
    dropped: Arc<AtomicU64>,
}

impl Tapping {
    /// Frames that were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Tap {
    /// A tap for the recording of this id, and where its sound comes out.
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

    /// From now on silence passes (`true`), or sound again. What is said in a pause goes no
    /// further than here.
    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Carries out a [`Command`]; what is none, or for another recording, is passed over.
    pub fn command(&self, json: &[u8]) {
        match serde_json::from_slice::<Command>(json) {
            Ok(command) if *command.recording == *self.recording => self.pause(command.paused),
            _ => tracing::warn!("ignored a command for another recorder"),
        }
    }

    /// The caller was heard.
    pub fn caller(&self, frame: &Pcm<16_000>) {
        self.send(|| Sound::Caller(self.audible(frame)));
    }

    /// The agent was sent.
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
            // The recorder has given up (a full disk); it has said so.
            Err(mpsc::error::TrySendError::Closed(())) => {}
        }
    }
}

#[cfg(test)]
mod tests;
