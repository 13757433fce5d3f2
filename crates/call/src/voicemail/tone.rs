//! A tone of one pitch that lasts, as a machine sounds before it takes a message. PURE.

use std::f32::consts::TAU;

const HZ: f32 = 16_000.0;
/// Machines' tones are of these pitches.
const PITCHES: std::ops::RangeInclusive<f32> = 350.0..=2_600.0;
/// How much of a frame's power is in its one pitch; of speech, and of two pitches at once, it is less.
const PURITY: f32 = 0.9;
/// How far the pitch may wander, as part of it: that of a voice wanders more.
const STEADY: f32 = 0.02;
/// Softer is no tone (mean square of samples: about -45 dBFS).
const SOFTEST: f32 = 34_000.0;
/// Frames of 10 ms that it lasts at least.
const SHORTEST: u32 = 14;

/// Listens for the end of a tone.
#[derive(Debug, Default)]
pub(super) struct Tone {
    pitch: f32,
    frames: u32,
}

impl Tone {
    /// The next 10 ms. True when a tone has ended in them.
    pub(super) fn push(&mut self, samples: &[i16]) -> bool {
        let pitch = pitch_of(samples);
        if let Some(pitch) = pitch
            && (self.frames == 0 || (pitch - self.pitch).abs() <= STEADY * self.pitch)
        {
            // Its mean: each frame's own is not exact.
            let before = self.frames as f32;
            self.pitch = (self.pitch * before + pitch) / (before + 1.0);
            self.frames += 1;
            return false;
        }
        let has_ended = self.frames >= SHORTEST;
        (self.pitch, self.frames) = pitch.map_or((0.0, 0), |pitch| (pitch, 1));
        has_ended
    }
}

/// The one pitch that a frame is of; none where it is of several, of noise, or silent.
fn pitch_of(samples: &[i16]) -> Option<f32> {
    let power = samples.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>();
    if samples.is_empty() || power / (samples.len() as f32) < SOFTEST {
        return None;
    }
    let pitch = by_crossings(samples).filter(|pitch| PITCHES.contains(pitch))?;
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (sin, cos) = (TAU * pitch * n as f32 / HZ).sin_cos();
        sine += f32::from(*sample) * sin;
        cosine += f32::from(*sample) * cos;
    }
    let in_pitch = 2.0 * (sine * sine + cosine * cosine) / samples.len() as f32;
    (in_pitch / power >= PURITY).then_some(pitch)
}

/// By the times at which the wave rises through zero.
fn by_crossings(samples: &[i16]) -> Option<f32> {
    let pairs = samples.windows(2).enumerate();
    let mut rises = pairs.filter_map(|(n, pair)| {
        let (before, after) = (f32::from(pair[0]), f32::from(pair[1]));
        (before < 0.0 && after >= 0.0).then(|| n as f32 + before / (before - after))
    });
    let first = rises.next()?;
    let (count, last) = rises.fold((0.0, first), |(count, _), at| (count + 1.0, at));
    (last > first).then(|| count * HZ / (last - first))
}
