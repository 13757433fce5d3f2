//! Many voices become two sides. PURE.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use sidetone_base::audio::Pcm;

/// Frames that a voice may be ahead of the mix. Senders' clocks and this one's differ by less than a frame a
/// minute: what is older is a stall, and goes.
const AHEAD: usize = 20;
/// A voice begins when it has so many frames, and again after it has run dry: they come unevenly.
const BEGIN: usize = 3;

/// On which side of a recording a voice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Who made the call.
    Left,
    /// Everybody else.
    Right,
}

/// Mixes 10 ms at a time.
pub(super) struct Mixer<K> {
    voices: HashMap<K, Voice>,
}

struct Voice {
    side: Side,
    frames: VecDeque<Pcm<16_000>>,
    plays: bool,
}

impl<K: Eq + Hash> Mixer<K> {
    pub(super) fn new() -> Self {
        Self {
            voices: HashMap::new(),
        }
    }

    /// 10 ms of a voice came.
    pub(super) fn push(&mut self, key: K, side: Side, frame: Pcm<16_000>) {
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
    pub(super) fn forget_silent(&mut self) {
        self.voices.retain(|_, voice| !voice.frames.is_empty());
    }

    /// The next 10 ms of both sides, silent where nobody speaks.
    pub(super) fn mix(&mut self) -> (Pcm<16_000>, Pcm<16_000>) {
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
