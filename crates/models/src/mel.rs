//! Whisper's log-mel spectrogram: 80 bands, 25 ms Hann windows every 10 ms.
//!
//! Computes the same numbers as OpenAI's `whisper/audio.py`: window and FFT of 400 samples at 16 kHz, reflected edges,
//! Slaney-normalised mel filters from 0 to 8 kHz, log10 limited to 8 below the maximum, then (x + 4) / 4.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// Samples per second.
pub const RATE: usize = 16_000;
/// Samples from one frame to the next.
pub(crate) const HOP: usize = 160;
/// Bands of the spectrogram.
pub(crate) const BANDS: usize = 80;
const WINDOW: usize = 400;
const BINS: usize = WINDOW / 2 + 1;

pub(crate) struct Mel {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// The first bin of each band, and the weights from there.
    filters: Vec<(usize, Vec<f32>)>,
}

impl Mel {
    pub(crate) fn new() -> Self {
        let window = (0..WINDOW)
            .map(|n| (0.5 - 0.5 * (2.0 * PI * n as f64 / WINDOW as f64).cos()) as f32)
            .collect();
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(WINDOW),
            window,
            filters: filters(),
        }
    }

    /// The spectrogram of `samples`, padded with silence to `frames` frames: `BANDS` rows of `frames` values.
    pub(crate) fn spectrogram(&self, samples: &[f32], frames: usize) -> Vec<f32> {
        let total = frames * HOP;
        let samples = &samples[..samples.len().min(total)];
        let mut input = self.fft.make_input_vec();
        let mut output = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut mel = vec![0f32; BANDS * frames];
        let mut power = [0f32; BINS];
        for frame in 0..frames {
            let start = (frame * HOP) as isize - (WINDOW / 2) as isize;
            for (n, value) in input.iter_mut().enumerate() {
                // the outermost frames extend beyond the ends, where the signal is mirrored
                let at = (start + n as isize).unsigned_abs();
                let at = at.min((2 * (total - 1)).saturating_sub(at));
                *value = samples.get(at).copied().unwrap_or(0.0) * self.window[n];
            }
            // fails only for wrong buffer lengths, and these are the plan's own
            if self
                .fft
                .process_with_scratch(&mut input, &mut output, &mut scratch)
                .is_err()
            {
                continue;
            }
            for (power, bin) in power.iter_mut().zip(&output) {
                *power = bin.norm_sqr();
            }
            for (band, (first, weights)) in self.filters.iter().enumerate() {
                let sum: f32 = weights
                    .iter()
                    .zip(&power[*first..])
                    .map(|(w, p)| w * p)
                    .sum();
                mel[band * frames + frame] = sum.max(1e-10).log10();
            }
        }
        let floor = mel.iter().copied().fold(f32::MIN, f32::max) - 8.0;
        mel.iter_mut()
            .for_each(|value| *value = (value.max(floor) + 4.0) / 4.0);
        mel
    }
}

/// Triangular filters of equal area, equally spaced on Slaney's mel scale.
fn filters() -> Vec<(usize, Vec<f32>)> {
    let top = to_mel(RATE as f64 / 2.0);
    let edges: Vec<f64> = (0..BANDS + 2)
        .map(|n| to_hz(top * n as f64 / (BANDS + 1) as f64))
        .collect();
    edges
        .windows(3)
        .map(|edge| {
            let (low, mid, high) = (edge[0], edge[1], edge[2]);
            let area = 2.0 / (high - low);
            let weight = |bin: usize| {
                let hz = bin as f64 * RATE as f64 / WINDOW as f64;
                (area
                    * ((hz - low) / (mid - low))
                        .min((high - hz) / (high - mid))
                        .max(0.0)) as f32
            };
            let first = (0..BINS).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
            let weights = (first..BINS).map(weight).take_while(|w| *w > 0.0).collect();
            (first, weights)
        })
        .collect()
}

/// Slaney's scale: linear to 1 kHz, then logarithmic.
fn to_mel(hz: f64) -> f64 {
    if hz < 1000.0 {
        hz * 3.0 / 200.0
    } else {
        15.0 + (hz / 1000.0).ln() * 27.0 / 6.4f64.ln()
    }
}

fn to_hz(mel: f64) -> f64 {
    if mel < 15.0 {
        mel * 200.0 / 3.0
    } else {
        1000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp()
    }
}

#[cfg(test)]
mod tests;
