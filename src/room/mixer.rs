//! Mixes many voices into two sides. PURE.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use sidetone_base::audio::Pcm;

/// Frames that a voice may be ahead of the mix. The senders' clocks and ours differ by less than a frame per minute:
/// anything older comes from a stall, and is dropped.
const AHEAD: usize = 20;
/// A voice starts once it has this many frames, and again after it has run dry: frames arrive unevenly.
const BEGIN: usize = 3;

/// The side of a recording that a voice is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who made the call.
    Left,
    /// Everybody else.
    Right,
}

/// Mixes 10 ms at a time.
pub struct Mixer<K> {
    voices: HashMap<K, Voice>,
}

struct Voice {
    side: Side,
    frames: VecDeque<Pcm<16_000>>,
    plays: bool,
}

impl<K> Default for Mixer<K> {
    fn default() -> Self {
        Self {
            voices: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash> Mixer<K> {
    /// 10 ms of a voice came.
    pub fn push(&mut self, key: K, side: Side, frame: Pcm<16_000>) {
        let voice = self.voices.entry(key).or_insert_with(|| Voice {
            side,
            frames: VecDeque::new(),
            plays: false,
        });
        if voice.frames.len() == AHEAD {
            voice.frames.pop_front();
        }
        voice.frames.push_back(frame);
        voice.plays |= voice.frames.len() >= BEGIN;
    }

    /// A voice has gone; what came of it is still mixed in.
    pub fn forget_silent(&mut self) {
        self.voices.retain(|_, voice| !voice.frames.is_empty());
    }

    /// The next 10 ms of both sides, silent where nobody speaks.
    pub fn mix(&mut self) -> (Pcm<16_000>, Pcm<16_000>) {
        let (mut left, mut right) = (silence(), silence());
        for voice in self.voices.values_mut().filter(|voice| voice.plays) {
            let Some(frame) = voice.frames.pop_front() else {
                voice.plays = false;
                continue;
            };
            let side = match voice.side {
                Side::Left => &mut left,
                Side::Right => &mut right,
            };
            for (sum, sample) in side.samples_mut().iter_mut().zip(frame.samples()) {
                *sum = sum.saturating_add(*sample);
            }
        }
        (left, right)
    }
}

fn silence() -> Pcm<16_000> {
    Pcm::new(vec![0; Pcm::<16_000>::FRAME])
}

#[cfg(test)]
mod tests;
