//! PURE. The score that listeners would give a speech path, from 1 (bad) to 4.5.
//! This is the E-model of ITU-T G.107 with its default values, where the rating is reduced only by the impairments
//! from delay (equations 7-27 and 7-28, without echo) and from equipment and loss (7-29), and turned into a score by
//! its annex B. ITU-T G.113 has no values for Opus; that it adds no impairment at speech bit rates, and how robust it
//! is against loss with and without its own error correction, follows the `rtcscore` library.

use std::time::Duration;

/// The rating of G.107's default values without delay and loss.
const BEST: f64 = 93.2;
/// How far the rating drops when nothing arrives.
const ALL_LOST: f64 = 95.0;
/// Delay in milliseconds up to which nobody notices it.
const UNNOTICED: f64 = 100.0;

/// How loss is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    /// By Opus's error correction, at the other end.
    Fec,
    /// Already: the loss is what remains after repair.
    Done,
}

impl Repair {
    /// The packet-loss robustness factor.
    fn robustness(self) -> f64 {
        match self {
            Self::Fec => 20.0,
            Self::Done => 10.0,
        }
    }
}

/// The score of speech that takes `one_way` from mouth to ear and loses `percent` of its packets.
pub(super) fn mos(one_way: Duration, percent: f64, repair: Repair) -> f64 {
    let percent = percent.clamp(0.0, 100.0);
    let by_loss = ALL_LOST * percent / (percent + repair.robustness());
    score(BEST - by_delay(one_way) - by_loss)
}

/// The impairment from delay.
fn by_delay(one_way: Duration) -> f64 {
    let ms = 1_000.0 * one_way.as_secs_f64();
    if ms <= UNNOTICED {
        return 0.0;
    }
    let x = (ms / UNNOTICED).log2();
    let sixth = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (sixth(x) - 3.0 * sixth(x / 3.0) + 2.0)
}

/// The score for a rating.
fn score(rating: f64) -> f64 {
    let r = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests;
