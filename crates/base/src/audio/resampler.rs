//! Conversion between sample rates, for streams and for whole clips.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, Resizable as _, SincInterpolationParameters,
    SincInterpolationType, WindowFunction, audioadapter_buffers, calculate_cutoff,
};

use super::Pcm;

/// The most input samples passed to the filter at once; a longer push is split.
const CHUNK: usize = 1024;

/// The length of the filter, in periods of the lower rate. With a Blackman window, 64 periods are flat up to 80% of
/// the lower rate's band (6.4 of 8 kHz), suppress aliases by 75 dB, and delay the sound by half their length: 2 ms
/// between 48 and 16 kHz, 1.4 ms between 24 and 48 kHz.
const PERIODS: usize = 64;
const WINDOW: WindowFunction = WindowFunction::Blackman;

/// A streaming converter from `FROM` to `TO` samples per second.
///
/// ```
/// # use sidetone_base::audio::{pcm::Pcm, resampler::Resampler};
/// let mut to_stt = Resampler::<48_000, 16_000>::new();
/// let frame = Pcm::<48_000>::new(vec![0; 480]);
/// assert_eq!(to_stt.push(&frame).len(), 160); // 10 ms in, 10 ms out
/// ```
pub struct Resampler<const FROM: u32, const TO: u32> {
    filter: Option<Filter>,
}

impl<const FROM: u32, const TO: u32> Resampler<FROM, TO> {
    /// A converter at the start of a stream.
    pub fn new() -> Self {
        Self {
            filter: Filter::between(FROM, TO),
        }
    }

    /// Converts the next part of the stream, of any length. It does not wait for full blocks: after `n` samples in
    /// total, `n * TO / FROM` (rounded down) have come out. The sound itself is delayed by [`delay`](Self::delay).
    pub fn push(&mut self, pcm: &Pcm<FROM>) -> Pcm<TO> {
        match &mut self.filter {
            Some(filter) => from_f32(filter.push(&to_f32(pcm.samples()))),
            None => Pcm::new(pcm.samples().to_vec()),
        }
    }

    /// Returns the sound that is still in the filter at the end of a stream, and resets the converter.
    pub fn flush(&mut self) -> Pcm<TO> {
        let Some(filter) = &mut self.filter else {
            return Pcm::default();
        };
        let tail = filter.flush();
        self.filter = Filter::between(FROM, TO);
        from_f32(tail)
    }

    /// The delay of the sound, in output samples.
    pub fn delay(&self) -> usize {
        self.filter.as_ref().map_or(0, Filter::delay)
    }

    /// Converts a whole clip: without delay, to `len * TO / FROM` samples, rounded up.
    pub fn convert(pcm: &Pcm<FROM>) -> Pcm<TO> {
        from_f32(convert(to_f32(pcm.samples()), FROM, TO))
    }
}

impl<const FROM: u32, const TO: u32> Default for Resampler<FROM, TO> {
    fn default() -> Self {
        Self::new()
    }
}

/// Converts a clip between rates that are known only at run time, such as a WAV file's.
pub fn convert(samples: Vec<f32>, from: u32, to: u32) -> Vec<f32> {
    let Some(mut filter) = Filter::between(from, to) else {
        return samples;
    };
    let mut converted = filter.push(&samples);
    converted.extend(filter.flush());
    converted.drain(..filter.delay());
    converted.truncate((samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize);
    converted
}

/// Like [`Resampler`], between rates that are known only at run time, such as a sound card's. Full scale is ±1.
pub struct Converter {
    filter: Option<Filter>,
}

impl Converter {
    /// A converter at the start of a stream.
    pub fn new(from: u32, to: u32) -> Self {
        Self {
            filter: Filter::between(from, to),
        }
    }

    /// Converts the next part of the stream, of any length.
    pub fn push(&mut self, samples: Vec<f32>) -> Vec<f32> {
        match &mut self.filter {
            Some(filter) => filter.push(&samples),
            None => samples,
        }
    }

    /// Returns the sound that is still in the filter at the end of the stream.
    pub fn flush(&mut self) -> Vec<f32> {
        self.filter.as_mut().map_or_else(Vec::new, Filter::flush)
    }

    /// The delay of the sound, in output samples.
    pub fn delay(&self) -> usize {
        self.filter.as_ref().map_or(0, Filter::delay)
    }
}

/// Converts to floating point, where full scale is ±1.
pub fn to_f32(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|&s| f32::from(s) / 32_768.0).collect()
}

/// Rounds and clips to 16 bits: a filter slightly overshoots a full-scale input.
pub fn from_f32<const HZ: u32>(samples: Vec<f32>) -> Pcm<HZ> {
    Pcm::new(
        samples
            .into_iter()
            .map(|s| (s * 32_768.0).round() as i16)
            .collect(),
    )
}

/// A windowed-sinc filter bank. With as many branches as the ratio's denominator, every output sample falls on a
/// branch ("Nearest"), so this is an exact polyphase filter.
struct Filter {
    sinc: Async<f32>,
    taps: usize,
    branches: u32,
    from: u32,
    to: u32,
}

/// Above this many branches, interpolating between them is better than storing them all; only unusual file rates get
/// here.
const MAX_BRANCHES: u32 = 1024;

impl Filter {
    /// `None` if no conversion is needed.
    fn between(from: u32, to: u32) -> Option<Self> {
        if from == to {
            return None;
        }
        let exact = to / gcd(from, to);
        let branches = exact.min(MAX_BRANCHES);
        let taps = (PERIODS as u64 * u64::from(from.max(to)) / u64::from(to)) as usize;
        let taps = taps.next_multiple_of(8);
        let parameters = SincInterpolationParameters::new(taps, WINDOW)
            .f_cutoff(calculate_cutoff(PERIODS, WINDOW))
            .oversampling_factor(branches as usize)
            .interpolation(if branches == exact {
                SincInterpolationType::Nearest
            } else {
                SincInterpolationType::Linear
            });
        let ratio = f64::from(to) / f64::from(from);
        let sinc = Async::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input)
            .expect("rates are not zero, so the ratio is positive and finite");
        let mut filter = Self {
            sinc,
            taps,
            branches,
            from,
            to,
        };
        // The filter looks two samples past the newest; supplying them now lets each later push yield its exact share.
        let primed = filter.push(&[0.0; 2]);
        debug_assert!(primed.is_empty());
        Some(filter)
    }

    fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        let mut output = Vec::new();
        for chunk in samples.chunks(CHUNK) {
            self.sinc
                .set_chunk_size(chunk.len())
                .expect("1..=CHUNK samples");
            let start = output.len();
            let yields = self.sinc.output_frames_next();
            output.resize(start + yields, 0.0);
            let input = InterleavedSlice::new(chunk, 1, chunk.len());
            let room = InterleavedSlice::new_mut(&mut output[start..], 1, yields);
            let (input, mut room) = input
                .ok()
                .zip(room.ok())
                .expect("mono: one slice, its length");
            self.sinc
                .process_into_buffer(&input, &mut room, None)
                .expect("the buffers have the sizes that were asked for");
        }
        output
    }

    /// Pushes enough silence to move the last sample through the middle of the filter.
    fn flush(&mut self) -> Vec<f32> {
        let input = (self.delay() as u64 + 1) * u64::from(self.from);
        self.push(&vec![0.0; input.div_ceil(u64::from(self.to)) as usize])
    }

    /// In output samples: half the taps, corrected for where the first output sample and the middle of the filter bank
    /// lie on the input's time line.
    fn delay(&self) -> usize {
        let input = self.taps as f64 / 2.0 + 2.0 - 1.0 / f64::from(self.branches);
        (input * f64::from(self.to) / f64::from(self.from) - 1.0).round() as usize
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
