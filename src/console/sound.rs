//! A call by microphone and loudspeaker.

#[cfg(feature = "console-audio")]
mod card;
pub mod half_duplex;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use self::half_duplex::HalfDuplex;
use crate::eval::text::{Seen, joined};
use sidetone_base::audio::Pcm;
use sidetone_base::audio::resampler::{Converter, from_f32, to_f32};
use sidetone_base::clock;
use sidetone_call::transport::{DisconnectReason, MicFrame, RoomDriver, RoomEvent};

/// How often audio is moved between the card and the call.
const TICK: Duration = Duration::from_millis(10);
/// Samples of the call's microphone in a frame of 10 ms.
const FRAME: usize = 160;

/// Which devices, and whether the caller wears headphones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoundOptions {
    /// Part of the microphone's name. `None` for the system's default.
    pub input: Option<String>,
    /// Part of the loudspeaker's name. `None` for the system's default.
    pub output: Option<String>,
    /// The microphone does not hear the agent: it stays open while the agent speaks.
    pub headphones: bool,
}

/// A microphone and a loudspeaker. Mono, full scale ±1.
pub trait SoundCard {
    /// The microphone's samples per second.
    fn mic_rate(&self) -> u32;
    /// The loudspeaker's samples per second.
    fn speaker_rate(&self) -> u32;
    /// What the microphone heard since the last call.
    fn heard(&mut self) -> Vec<f32>;
    /// Samples that have not been played yet.
    fn unplayed(&self) -> usize;
    /// How many samples should be queued so that the loudspeaker does not run dry.
    fn ahead(&self) -> usize;
    /// Queues samples for playing.
    fn play(&mut self, samples: &[f32]);
    /// Why the card no longer works, if it does not.
    fn trouble(&mut self) -> Option<String>;
}

/// Opens the devices.
///
/// # Errors
/// If they do not exist, are in use, or this build has no sound; the message says what to do.
pub fn open(options: &SoundOptions) -> anyhow::Result<Box<dyn SoundCard>> {
    #[cfg(feature = "console-audio")]
    return Ok(Box::new(card::Card::open(options)?));
    #[cfg(not(feature = "console-audio"))]
    no_sound(options)
}

/// The devices of this machine, one per line.
///
/// # Errors
/// If the system does not list them, or this build has no sound.
pub fn devices() -> anyhow::Result<String> {
    #[cfg(feature = "console-audio")]
    return card::devices();
    #[cfg(not(feature = "console-audio"))]
    no_sound(&SoundOptions::default())
}

#[cfg(not(feature = "console-audio"))]
fn no_sound<T>(_: &SoundOptions) -> anyhow::Result<T> {
    anyhow::bail!(
        "this build has no sound. Build with `cargo build --features console-audio` (on Debian after \
         `apt-get install libasound2-dev`), or write instead: `sidetone console --text`"
    )
}

/// Drives a room in which the caller speaks into `card` and hears it; otherwise like
/// [`eval::text::drive`](crate::eval::text::drive). Ends with the call.
pub async fn drive(
    driver: RoomDriver,
    name: &str,
    card: Box<dyn SoundCard>,
    headphones: bool,
    mut written: mpsc::Receiver<RoomEvent>,
    seen: mpsc::Sender<Seen>,
) {
    let RoomDriver {
        mic,
        events,
        speaker,
        mut commands,
    } = driver;
    // A call that takes no events is ending, and says so below.
    events.send(joined(name)).await.ok();
    let mut carrier = Some(Carrier::new(card, headphones, mic, speaker));
    let mut clock = interval(TICK);
    // The card's clock decides: a late tick moves more.
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let what = tokio::select! {
            _ = clock.tick(), if carrier.is_some() => {
                match carrier.as_mut().map(Carrier::carry) {
                    Some(Err(trouble)) => {
                        carrier = None;
                        let reason = DisconnectReason::ClientInitiated;
                        events.send(RoomEvent::CallerLeft { reason, is_followed: false }).await.ok();
                        Seen::Trouble(trouble)
                    }
                    _ => continue,
                }
            }
            command = commands.recv() => match Seen::of(command) {
                None => continue,
                Some(what) => what,
            },
            Some(event) = written.recv() => {
                events.send(event).await.ok();
                continue;
            }
        };
        let over = what == Seen::Left;
        // If nobody watches, the call goes on anyway.
        seen.send(what).await.ok();
        if over {
            return;
        }
    }
}

/// Moves audio between a card and a call.
struct Carrier {
    card: Box<dyn SoundCard>,
    gate: HalfDuplex,
    to_call: Converter,
    to_card: Converter,
    /// Less than a frame.
    rest: Vec<f32>,
    mic: mpsc::Sender<MicFrame>,
    speaker: mpsc::Receiver<Pcm<48_000>>,
}

impl Carrier {
    fn new(
        card: Box<dyn SoundCard>,
        headphones: bool,
        mic: mpsc::Sender<MicFrame>,
        speaker: mpsc::Receiver<Pcm<48_000>>,
    ) -> Self {
        Self {
            gate: HalfDuplex::new(headphones),
            to_call: Converter::new(card.mic_rate(), 16_000),
            to_card: Converter::new(48_000, card.speaker_rate()),
            rest: Vec::new(),
            card,
            mic,
            speaker,
        }
    }

    fn carry(&mut self) -> Result<(), String> {
        if let Some(trouble) = self.card.trouble() {
            return Err(trouble);
        }
        let now = clock::now();
        while self.card.unplayed() < self.card.ahead() {
            let Ok(frame) = self.speaker.try_recv() else {
                break;
            };
            self.card.play(&self.to_card.push(to_f32(frame.samples())));
            if frame.samples().iter().any(|&sample| sample != 0) {
                let rate = f64::from(self.card.speaker_rate());
                let unplayed = self.card.unplayed() as f64 / rate;
                self.gate.said(now, Duration::from_secs_f64(unplayed));
            }
        }
        self.rest.extend(self.to_call.push(self.card.heard()));
        while self.rest.len() >= FRAME {
            let heard: Pcm<16_000> = from_f32(self.rest.drain(..FRAME).collect());
            let frame = match self.gate.hears(now) {
                true => heard,
                false => Pcm::silence(TICK),
            };
            // A call that is half a second behind gains nothing from old sound.
            self.mic.try_send(frame.into()).ok();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
