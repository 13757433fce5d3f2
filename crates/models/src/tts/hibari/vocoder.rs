//! From spectra to sound. PURE.
//!
//! A frame's spectrum has three parts: what the vocal folds give (a train of pulses at the pitch,
//! each harmonic turned and weighed by the network), breath (noise, weighed), and what is neither
//! (given outright, with its phases). Their sum is turned back into samples, and neighbouring
//! frames overlap. What goes on from frame to frame is kept here, so that it makes no difference
//! in how many pieces a clause comes: there is no seam to hear.

use std::f32::consts::{PI, TAU};
use std::ops::Range;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Samples a second.
pub(crate) const RATE: usize = 24_000;
/// Samples from frame to frame.
pub(super) const HOP: usize = 300;
/// Samples that a frame's spectrum is of: half of them before its middle.
const WINDOW: usize = 4 * HOP;
/// Values of a spectrum.
pub(super) const BINS: usize = WINDOW / 2 + 1;
/// What four overlapping squares of the window add up to.
const OVERLAP: f32 = 1.5;
/// The logarithm of the loudest value that is believed.
const LOUDEST: f32 = 7.0;
/// Lower than this the vocal folds are still.
const LOWEST_PITCH: f32 = 40.0;
/// The train of pulses has no harmonic above.
const HIGHEST_HARMONIC: f32 = 11_000.0;

/// The network's outputs for some frames, frame by frame.
pub(super) struct Spectra {
    /// Of the harmonics, the logarithm of their weight and by what they are turned.
    weight: Vec<f32>,
    turn: Vec<f32>,
    /// The logarithm of the noise's weight.
    breath: Vec<f32>,
    /// Of the rest, the logarithm of its weight and its phase.
    rest: Vec<f32>,
    phase: Vec<f32>,
}

impl Spectra {
    /// Of the network's outputs, each bin by bin for `count` frames, some frames.
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

    /// Some of these frames.
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

    /// How far these are from others of as many frames: the mean difference of the loudest
    /// part's logarithms. Infinite when they are of other frames.
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

/// A clause's way from spectra to samples.
pub(super) struct Vocoder {
    pulses: Pulses,
    forward: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    noise: StdRng,
    /// Frames taken so far.
    frames: usize,
    /// Frames in all.
    count: usize,
    /// The sum of the frames so far from the first sample that is not complete.
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
            // the same words sound the same each time
            noise: StdRng::seed_from_u64(0),
            frames: 0,
            sum: vec![0.0; WINDOW],
            wave: vec![0.0; WINDOW],
            harmonics: vec![Complex::default(); BINS],
        }
    }

    /// Takes the next frames, and gives the samples that no later frame reaches.
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

    /// The samples that are left when all frames have been taken.
    pub(super) fn finish(&mut self) -> Vec<f32> {
        let owed = self.frames.min(2) * HOP;
        let before = 2usize.saturating_sub(self.frames) * HOP;
        self.sum[before..before + owed].to_vec()
    }

    /// The spectrum of the pulses around the next frame's middle.
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

    /// Makes the frame's spectrum of that of the pulses.
    fn mix(&mut self, spectra: &Spectra, at: usize) {
        let loud = |logarithm: f32| logarithm.min(LOUDEST).exp();
        for (bin, value) in self.harmonics.iter_mut().enumerate() {
            let n = at + bin;
            let folds = Complex::from_polar(loud(spectra.weight[n]), PI * spectra.turn[n].tanh());
            // a normal distribution in both directions (Box and Muller)
            let chance: f32 = self.noise.random();
            let radius = (-2.0 * (1.0 - chance).ln()).sqrt();
            let direction = TAU * self.noise.random::<f32>();
            let breath = Complex::from_polar(loud(spectra.breath[n]) * radius, direction);
            let rest = Complex::from_polar(loud(spectra.rest[n]), spectra.phase[n]);
            *value = *value * folds + breath + rest;
        }
        // a real wave has no phase at its two ends
        self.harmonics[0].im = 0.0;
        self.harmonics[BINS - 1].im = 0.0;
    }
}

/// The train of pulses: all harmonics of the pitch, of the same amplitude, up to the highest.
struct Pulses {
    melody: Vec<f32>,
    /// The part of a period that has passed, 0 to 1.
    phase: f64,
    /// Samples from `start` on; earlier ones are not needed any more.
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

    /// Makes samples up to this one, and forgets those that no window reaches.
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

    /// The pitch at a sample: a frame's is at the middle of its hop, and between two it slides.
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
