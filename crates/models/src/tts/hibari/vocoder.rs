//! From spectra to audio. PURE.
//!
//! A frame's spectrum has three parts: the vocal folds (a train of pulses at the pitch, each harmonic rotated and
//! weighted by the network), breath (weighted noise), and the rest (given directly, with its phases). Their sum is
//! transformed back into samples, and neighbouring frames overlap. State that continues from frame to frame is kept
//! here, so that the number of pieces in which a clause arrives makes no difference: there is no audible seam.

use std::f32::consts::{PI, TAU};
use std::ops::Range;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Samples per second.
pub(crate) const RATE: usize = 24_000;
/// Samples from one frame to the next.
pub(super) const HOP: usize = 300;
/// Samples covered by a frame's spectrum: half of them before its middle.
const WINDOW: usize = 4 * HOP;
/// Number of values in a spectrum.
pub(super) const BINS: usize = WINDOW / 2 + 1;
/// The sum of four overlapping squares of the window.
const OVERLAP: f32 = 1.5;
/// The largest logarithm that is accepted; larger values are limited to it.
const LOUDEST: f32 = 7.0;
/// Below this pitch the vocal folds are silent.
const LOWEST_PITCH: f32 = 40.0;
/// The train of pulses has no harmonic above this, in hertz.
const HIGHEST_HARMONIC: f32 = 11_000.0;

/// The network's outputs for some frames, frame by frame.
pub(super) struct Spectra {
    /// For the harmonics: the logarithm of their weight, and their rotation.
    weight: Vec<f32>,
    turn: Vec<f32>,
    /// The logarithm of the noise's weight.
    breath: Vec<f32>,
    /// For the rest: the logarithm of its weight, and its phase.
    rest: Vec<f32>,
    phase: Vec<f32>,
}

impl Spectra {
    /// Makes the spectra of some frames from the network's outputs, each of which is bin by bin for `count` frames.
    pub(super) fn new(
        outputs: [Vec<f32>; 5],
        count: usize,
        frames: Range<usize>,
    ) -> Result<Self, String> {
        if frames.end > count || outputs.iter().any(|output| output.len() != BINS * count) {
            return Err("the voice gave too little".into());
        }
        let turned = outputs.map(|output| {
            let mut values = Vec::with_capacity(frames.len() * BINS);
            for frame in frames.clone() {
                values.extend((0..BINS).map(|bin| output[bin * count + frame]));
            }
            values
        });
        let [weight, turn, breath, rest, phase] = turned;
        Ok(Self {
            weight,
            turn,
            breath,
            rest,
            phase,
        })
    }

    /// The spectra of some of these frames.
    pub(super) fn part(&self, frames: Range<usize>) -> Self {
        let values = frames.start * BINS..frames.end * BINS;
        let part = |of: &[f32]| of[values.clone()].to_vec();
        Self {
            weight: part(&self.weight),
            turn: part(&self.turn),
            breath: part(&self.breath),
            rest: part(&self.rest),
            phase: part(&self.phase),
        }
    }

    /// The distance to the spectra of as many other frames: the mean difference between the logarithms of the loudest
    /// part. Infinite if the number of frames differs.
    pub(super) fn differs(&self, other: &Self) -> f32 {
        if self.weight.len() != other.weight.len() {
            return f32::INFINITY;
        }
        let apart = self
            .weight
            .iter()
            .zip(&other.weight)
            .map(|(a, b)| (a - b).abs());
        apart.sum::<f32>() / self.weight.len().max(1) as f32
    }
}

/// The state of a clause on its way from spectra to samples.
pub(super) struct Vocoder {
    pulses: Pulses,
    forward: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    noise: StdRng,
    /// Frames taken so far.
    frames: usize,
    /// Total frames.
    count: usize,
    /// The sum of the frames so far, from the first incomplete sample on.
    sum: Vec<f32>,
    wave: Vec<f32>,
    harmonics: Vec<Complex<f32>>,
}

impl Vocoder {
    /// `melody` is the pitch of each frame of the clause in hertz.
    pub(super) fn new(melody: Vec<f32>) -> Self {
        let mut planner = RealFftPlanner::new();
        let turn = |n: usize| TAU * n as f32 / WINDOW as f32;
        Self {
            count: melody.len(),
            pulses: Pulses::new(melody),
            forward: planner.plan_fft_forward(WINDOW),
            back: planner.plan_fft_inverse(WINDOW),
            window: (0..WINDOW).map(|n| 0.5 - 0.5 * turn(n).cos()).collect(),
            // the same words sound the same every time
            noise: StdRng::seed_from_u64(0),
            frames: 0,
            sum: vec![0.0; WINDOW],
            wave: vec![0.0; WINDOW],
            harmonics: vec![Complex::default(); BINS],
        }
    }

    /// Takes the next frames, and returns the samples that later frames do not affect.
    pub(super) fn push(&mut self, spectra: &Spectra) -> Result<Vec<f32>, String> {
        let mut samples = Vec::with_capacity(spectra.weight.len() / BINS * HOP);
        for at in (0..spectra.weight.len()).step_by(BINS) {
            self.hear_folds()?;
            self.mix(spectra, at);
            self.back
                .process(&mut self.harmonics, &mut self.wave)
                .map_err(|e| e.to_string())?;
            let scale = 1.0 / (WINDOW as f32 * OVERLAP);
            for ((sum, wave), window) in self.sum.iter_mut().zip(&self.wave).zip(&self.window) {
                *sum += wave * window * scale;
            }
            // the first two hops lie before the clause
            if self.frames >= 2 {
                samples.extend_from_slice(&self.sum[..HOP]);
            }
            self.sum.copy_within(HOP.., 0);
            self.sum[WINDOW - HOP..].fill(0.0);
            self.frames += 1;
        }
        Ok(samples)
    }

    /// The remaining samples, once all frames have been taken.
    pub(super) fn finish(&mut self) -> Vec<f32> {
        let owed = self.frames.min(2) * HOP;
        let before = 2usize.saturating_sub(self.frames) * HOP;
        self.sum[before..before + owed].to_vec()
    }

    /// Computes the spectrum of the pulses around the middle of the next frame.
    fn hear_folds(&mut self) -> Result<(), String> {
        let middle = self.frames * HOP;
        self.pulses
            .reach((middle + WINDOW / 2).min(self.count * HOP));
        // a harmonic of unit amplitude has half the window's sum in its bin
        const UNIT: f32 = 1.0 / HOP as f32;
        for (n, (wave, window)) in self.wave.iter_mut().zip(&self.window).enumerate() {
            let pulse = (middle + n)
                .checked_sub(WINDOW / 2)
                .map(|at| self.pulses.at(at));
            *wave = pulse.unwrap_or(0.0) * window * UNIT;
        }
        self.forward
            .process(&mut self.wave, &mut self.harmonics)
            .map_err(|e| e.to_string())
    }

    /// Computes the frame's spectrum from that of the pulses.
    fn mix(&mut self, spectra: &Spectra, at: usize) {
        let loud = |logarithm: f32| logarithm.min(LOUDEST).exp();
        for (bin, value) in self.harmonics.iter_mut().enumerate() {
            let n = at + bin;
            let folds = Complex::from_polar(loud(spectra.weight[n]), PI * spectra.turn[n].tanh());
            // a normal distribution in both directions (Box-Muller)
            let chance: f32 = self.noise.random();
            let radius = (-2.0 * (1.0 - chance).ln()).sqrt();
            let direction = TAU * self.noise.random::<f32>();
            let breath = Complex::from_polar(loud(spectra.breath[n]) * radius, direction);
            let rest = Complex::from_polar(loud(spectra.rest[n]), spectra.phase[n]);
            *value = *value * folds + breath + rest;
        }
        // a real signal has no phase at the two ends of its spectrum
        self.harmonics[0].im = 0.0;
        self.harmonics[BINS - 1].im = 0.0;
    }
}

/// The train of pulses: all harmonics of the pitch, with the same amplitude, up to the highest.
struct Pulses {
    melody: Vec<f32>,
    /// The fraction of a period that has passed, 0 to 1.
    phase: f64,
    /// Samples from `start` on; earlier ones are no longer needed.
    samples: Vec<f32>,
    start: usize,
}

impl Pulses {
    fn new(melody: Vec<f32>) -> Self {
        Self {
            melody,
            phase: 0.0,
            samples: Vec::new(),
            start: 0,
        }
    }

    fn at(&self, sample: usize) -> f32 {
        let place = sample.checked_sub(self.start);
        place
            .and_then(|at| self.samples.get(at))
            .copied()
            .unwrap_or(0.0)
    }

    /// Generates the samples up to this one, and drops those that no window reaches any more.
    fn reach(&mut self, end: usize) {
        let old = self.samples.len().saturating_sub(2 * WINDOW);
        self.samples.drain(..old);
        self.start += old;
        for sample in self.start + self.samples.len()..end {
            let pulse = self.next(sample);
            self.samples.push(pulse);
        }
    }

    fn next(&mut self, sample: usize) -> f32 {
        let pitch = self.pitch(sample);
        let voiced = pitch > LOWEST_PITCH;
        let pitch = pitch.max(LOWEST_PITCH);
        self.phase = (self.phase + f64::from(pitch) / RATE as f64).fract();
        if !voiced {
            return 0.0;
        }
        // cos x + cos 2x + … + cos nx in closed form
        let harmonics = (HIGHEST_HARMONIC / pitch).floor();
        let half = PI * self.phase as f32;
        let below = 2.0 * half.sin();
        if below.abs() < 2e-3 {
            return harmonics;
        }
        ((2.0 * harmonics + 1.0) * half).sin() / below - 0.5
    }

    /// The pitch at a sample: each frame's pitch applies at the middle of its hop, with interpolation in between.
    fn pitch(&self, sample: usize) -> f32 {
        let place = (sample as f32 + 0.5) / HOP as f32 - 0.5;
        let last = self.melody.len().saturating_sub(1);
        let before = (place.max(0.0) as usize).min(last);
        let share = (place - before as f32).clamp(0.0, 1.0);
        let (one, other) = (self.melody[before], self.melody[(before + 1).min(last)]);
        one + (other - one) * share
    }
}

#[cfg(test)]
mod tests;
