//! Two voices on one timeline. PURE.
//!
//! Frames arrive with the time at which they passed the tap; both voices come out in parallel, in step, silent where
//! nobody spoke. The two producers keep time differently:
//!
//! - The caller's frames leave a jitter buffer every 10 ms. A busy machine delivers them late, never early, so a
//!   stretch of them began when its *least late* frame says it did.
//! - The agent's frames are handed to the media engine a little ahead, and leave it one after the other: a frame sounds
//!   when it was handed over, or when the one before it ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sidetone_base::audio::Pcm;
use sidetone_base::tap::Sound;

/// How long audio is held before it is released: by then the frames that show when a stretch began have arrived.
pub const SETTLE: Duration = Duration::from_millis(500);
/// A caller's frame that comes this long after the end of the last one begins a new stretch: the media engine conceals
/// up to 100 ms; beyond that, frames are lost.
const GAP: Duration = Duration::from_millis(100);
/// If all frames of a second are later than this, some were lost before them.
const LOST: Duration = Duration::from_millis(15);
/// Frames in that second.
const WINDOW: u32 = 100;
/// Output comes in multiples of this, an Opus frame.
pub const BLOCK: Duration = Duration::from_millis(20);

/// Both voices for the same time, each a whole number of [`BLOCK`]s.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Both {
    /// The caller.
    pub caller: Pcm<16_000>,
    /// The agent.
    pub agent: Pcm<48_000>,
}

/// Puts frames in their place.
#[derive(Debug)]
pub struct Timeline {
    start: Instant,
    /// Added to the agent's times.
    agent_delay: Duration,
    caller: Track<16_000>,
    stretch: Stretch,
    agent: Track<48_000>,
    /// Blocks released.
    blocks: u32,
}

impl Timeline {
    /// A timeline that begins at `start`. The agent is heard `agent_delay` after a frame was handed to the media
    /// engine.
    pub fn new(start: Instant, agent_delay: Duration) -> Self {
        Self {
            start,
            agent_delay,
            caller: Track::default(),
            stretch: Stretch::default(),
            agent: Track::default(),
            blocks: 0,
        }
    }

    /// Takes a frame that passed the tap at `at`. Frames of one voice come in order.
    pub fn push(&mut self, at: Instant, sound: Sound) {
        let at = at.saturating_duration_since(self.start);
        match sound {
            Sound::Caller(frame) => self.stretch.push(&mut self.caller, at, &frame),
            Sound::Agent(frame) => {
                let at = Pcm::<48_000>::samples_in(at + self.agent_delay);
                self.agent.put(at, frame.samples());
            }
        }
    }

    /// Releases what is settled at `now` and was not released yet.
    pub fn settled(&mut self, now: Instant) -> Both {
        let until = now.saturating_duration_since(self.start);
        let blocks = until.saturating_sub(SETTLE).as_millis() / BLOCK.as_millis();
        self.take(blocks as u32)
    }

    /// Releases all the rest, at the end.
    pub fn rest(&mut self, now: Instant) -> Both {
        let until = now.saturating_duration_since(self.start);
        self.take(until.as_millis().div_ceil(BLOCK.as_millis()) as u32)
    }

    fn take(&mut self, blocks: u32) -> Both {
        let until = BLOCK * blocks.max(self.blocks);
        self.blocks = self.blocks.max(blocks);
        let caller = Pcm::<16_000>::samples_in(until);
        self.stretch.settle(&mut self.caller, caller);
        Both {
            caller: self.caller.take(caller),
            agent: self.agent.take(Pcm::<48_000>::samples_in(until)),
        }
    }
}

/// Samples from some position on. Positions count samples from the start.
#[derive(Debug, Default)]
struct Track<const HZ: u32> {
    queue: VecDeque<i16>,
    /// Position of the queue's first sample.
    from: usize,
}

impl<const HZ: u32> Track<HZ> {
    fn end(&self) -> usize {
        self.from + self.queue.len()
    }

    /// Puts samples at a position, or at the end if that is later.
    fn put(&mut self, at: usize, samples: &[i16]) {
        let silence = at.saturating_sub(self.end());
        self.queue.extend(std::iter::repeat_n(0, silence));
        self.queue.extend(samples);
    }

    /// Takes everything up to a position, padded with silence.
    fn take(&mut self, until: usize) -> Pcm<HZ> {
        let samples = until.saturating_sub(self.from);
        if self.queue.len() < samples {
            self.queue.resize(samples, 0);
        }
        self.from += samples;
        Pcm::new(self.queue.drain(..samples).collect())
    }
}

/// Finds out when the caller's frames were due.
#[derive(Debug, Default)]
struct Stretch {
    /// Frames whose beginning is not settled, and where it seems to be.
    open: Option<(usize, Vec<i16>)>,
    begun: bool,
    /// The smallest lateness of the frames counted, in samples.
    least_late: usize,
    counted: u32,
}

impl Stretch {
    fn push(&mut self, track: &mut Track<16_000>, at: Duration, frame: &Pcm<16_000>) {
        let samples = Pcm::<16_000>::samples_in;
        // The frame's audio ended when it arrived.
        let at = samples(at).saturating_sub(frame.len());
        let end = match &self.open {
            Some((from, open)) => from + open.len(),
            None => track.end(),
        };
        let late = at.saturating_sub(end);
        if !self.begun || late > samples(GAP) || self.lost(late) > samples(LOST) {
            self.begun = true;
            self.settle(track, usize::MAX);
            self.open = Some((at.max(track.end()), Vec::new()));
            (self.least_late, self.counted) = (0, 0);
        }
        match &mut self.open {
            Some((from, open)) => {
                *from = (*from).min(at.saturating_sub(open.len())).max(track.end());
                open.extend_from_slice(frame.samples());
            }
            None => track.put(0, frame.samples()),
        }
    }

    /// By how much all frames of the last second were late.
    fn lost(&mut self, late: usize) -> usize {
        if self.open.is_some() {
            return 0;
        }
        self.least_late = match self.counted {
            0 => late,
            _ => self.least_late.min(late),
        };
        self.counted += 1;
        if self.counted < WINDOW {
            return 0;
        }
        self.counted = 0;
        self.least_late
    }

    /// Places the open frames on the track if they begin before `until`.
    fn settle(&mut self, track: &mut Track<16_000>, until: usize) {
        if let Some((from, open)) = self.open.take_if(|(from, _)| *from < until) {
            track.put(from, &open);
        }
    }
}

#[cfg(test)]
mod tests;
