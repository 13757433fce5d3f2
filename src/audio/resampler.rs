//! Conversion between sample rates, for streams and for whole clips.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, Resizable as _, SincInterpolationParameters,
    SincInterpolationType, WindowFunction, audioadapter_buffers, calculate_cutoff,
};

use super::Pcm;

/// Most input samples handed to the filter at once; a longer push goes through in parts.
const CHUNK: usize = 1024;

/// Periods of the lower rate that the filter spans. 64 under a Blackman window are flat to 80%
/// of the lower rate's band (6.4 of 8 kHz), hold aliases 75 dB down, and delay the sound by
/// half of it: 2 ms between 48 and 16 kHz, 1.4 ms between 24 and 48 kHz.
const PERIODS: usize = 64;
const WINDOW: WindowFunction = WindowFunction::Blackman;

/// A streaming converter from `FROM` to `TO` samples a second.
///
/// ```
/// # use sidetone::audio::{Pcm, Resampler};
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

    /// Converts the next part of the stream, of any length. Nothing waits for a full block:
    /// after `n` samples in all, `n * TO / FROM` (rounded down) have come out. The sound itself
    /// is [`delay`](Self::delay) late.
    pub fn push(&mut self, pcm: &Pcm<FROM>) -> Pcm<TO> {
        match &mut self.filter {
            Some(filter) => from_f32(filter.push(&to_f32(pcm.samples()))),
            None => Pcm::new(pcm.samples().to_vec()),
        }
    }

    /// The sound still in the filter at the end of a stream; the converter then starts afresh.
    pub fn flush(&mut self) -> Pcm<TO> {
        let Some(filter) = &mut self.filter else {
            return Pcm::default();
        };
        let tail = filter.flush();
        self.filter = Filter::between(FROM, TO);
        from_f32(tail)
    }

    /// How many output samples the sound is late by.
    pub fn delay(&self) -> usize {
        self.filter.as_ref().map_or(0, Filter::delay)
    }

    /// Converts a whole clip: no delay, and `len * TO / FROM` samples, rounded up.
    pub fn convert(pcm: &Pcm<FROM>) -> Pcm<TO> {
        from_f32(convert(to_f32(pcm.samples()), FROM, TO))
    }
}

impl<const FROM: u32, const TO: u32> Default for Resampler<FROM, TO> {
    fn default() -> Self {
        Self::new()
    }
}

/// Converts a clip between rates known only at run time, as a WAV file's is.
pub(crate) fn convert(samples: Vec<f32>, from: u32, to: u32) -> Vec<f32> {
    let Some(mut filter) = Filter::between(from, to) else {
        return samples;
    };
    let mut converted = filter.push(&samples);
    converted.extend(filter.flush());
    converted.drain(..filter.delay());
    converted.truncate((samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize);
    converted
}

/// As [`Resampler`], between rates known only at run time, as a sound card's are. Full scale is ±1.
pub(crate) struct Converter {
    filter: Option<Filter>,
}

impl Converter {
    /// A converter at the start of a stream.
    pub(crate) fn new(from: u32, to: u32) -> Self {
        Self {
            filter: Filter::between(from, to),
        }
    }

    /// Converts the next part of the stream, of any length.
    pub(crate) fn push(&mut self, samples: Vec<f32>) -> Vec<f32> {
        match &mut self.filter {
            Some(filter) => filter.push(&samples),
            None => samples,
        }
    }
}

/// Full scale is ±1 while filtering.
pub(crate) fn to_f32(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|&s| f32::from(s) / 32_768.0).collect()
}

/// Rounded and held within 16 bits: a filter overshoots a full-scale input by a little.
pub(crate) fn from_f32<const HZ: u32>(samples: Vec<f32>) -> Pcm<HZ> {
    Pcm::new(
        samples
            .into_iter()
            .map(|s| (s * 32_768.0).round() as i16)
            .collect(),
    )
}

/// A windowed-sinc filter bank. With as many branches as the ratio's denominator every output
/// sample falls on a branch ("Nearest"), so this is an exact polyphase filter.
struct Filter {
    sinc: Async<f32>,
    taps: usize,
    branches: u32,
    from: u32,
    to: u32,
}

/// Branches beyond which interpolating between them is better than storing them all; only
/// odd file rates come here.
const MAX_BRANCHES: u32 = 1024;

impl Filter {
    /// `None` when there is nothing to do.
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
        // The filter looks two samples past the newest; given them now, each later push yields
        // its exact share.
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

    /// Enough silence to push the last sample through the filter's middle.
    fn flush(&mut self) -> Vec<f32> {
        let input = (self.delay() as u64 + 1) * u64::from(self.from);
        self.push(&vec![0.0; input.div_ceil(u64::from(self.to)) as usize])
    }

    /// In output samples: half the taps, and where on the input's time line the first output
    /// sample and the middle of the filter bank lie.
    fn delay(&self) -> usize {
        let input = self.taps as f64 / 2.0 + 2.0 - 1.0 / f64::from(self.branches);
        (input * f64::from(self.to) / f64::from(self.from) - 1.0).round() as usize
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tone<const HZ: u32>(frequency: f64, seconds: f64) -> Pcm<HZ> {
        let step = frequency * std::f64::consts::TAU / f64::from(HZ);
        let samples = (0..(seconds * f64::from(HZ)) as u32)
            .map(|n| ((f64::from(n) * step).sin() * 16_384.0).round() as i16);
        Pcm::new(samples.collect())
    }

    /// Level of one frequency in dB against full scale (Goertzel).
    fn level_at<const HZ: u32>(pcm: &Pcm<HZ>, frequency: f64) -> f64 {
        let step = frequency * std::f64::consts::TAU / f64::from(HZ);
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in pcm.samples().iter().enumerate() {
            re += f64::from(sample) * (n as f64 * step).cos();
            im += f64::from(sample) * (n as f64 * step).sin();
        }
        20.0 * (2.0 * re.hypot(im) / pcm.len() as f64 / 32_768.0).log10()
    }

    fn keeps_tone<const FROM: u32, const TO: u32>(frequency: f64) {
        let mut out = Resampler::<FROM, TO>::convert(&tone(frequency, 1.2));
        assert_eq!(out.duration(), std::time::Duration::from_millis(1200));
        out.take_front(TO as usize / 10);
        let middle = out.take_front(TO as usize);
        let level = level_at(&middle, frequency);
        assert!(
            (level + 6.02).abs() < 0.05,
            "{FROM}->{TO} {frequency} Hz: {level} dB"
        );
        // And nothing else is there: what is left without the tone is 60 dB below it.
        let energy = |db: f64| 10f64.powf(db / 10.0);
        let all = energy(f64::from(middle.level_dbfs().unwrap()) + 3.0103);
        let rest = 10.0 * (all - energy(level)).abs().max(1e-12).log10();
        assert!(
            rest < -66.0,
            "{FROM}->{TO} {frequency} Hz: {rest} dB of something else"
        );
    }

    #[test]
    fn a_tone_keeps_its_frequency_and_level() {
        for frequency in [200.0, 1000.0, 3400.0, 6000.0] {
            keeps_tone::<48_000, 16_000>(frequency);
            keeps_tone::<24_000, 48_000>(frequency);
            keeps_tone::<16_000, 48_000>(frequency);
            keeps_tone::<44_100, 16_000>(frequency);
            keeps_tone::<44_100, 48_000>(frequency);
            keeps_tone::<22_050, 24_000>(frequency);
            keeps_tone::<44_101, 16_000>(frequency);
        }
        for frequency in [200.0, 1000.0, 3200.0] {
            keeps_tone::<8_000, 16_000>(frequency);
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_filtered_out() {
        for frequency in [9_000.0, 10_000.0, 15_000.0, 20_000.0] {
            let out = Resampler::<48_000, 16_000>::convert(&tone(frequency, 1.0));
            let mut out = out;
            out.take_front(800);
            let middle = out.take_front(14_000);
            let level = middle.level_dbfs().unwrap_or(-120.0);
            assert!(level < -70.0, "{frequency} Hz came through at {level} dB");
        }
    }

    #[test]
    fn a_click_stays_where_it_was() {
        fn click<const FROM: u32, const TO: u32>() {
            let mut samples = vec![0i16; FROM as usize];
            samples[FROM as usize / 2] = 20_000;
            let pcm = Pcm::<FROM>::new(samples);
            let peak = |pcm: &Pcm<TO>| {
                let loudest = pcm
                    .samples()
                    .iter()
                    .enumerate()
                    .max_by_key(|(_, s)| s.unsigned_abs());
                loudest.map(|(at, _)| at).unwrap()
            };
            let at = peak(&Resampler::convert(&pcm));
            assert!(at.abs_diff(TO as usize / 2) <= 1, "{FROM}->{TO}: {at}");
            let mut streaming = Resampler::<FROM, TO>::new();
            let mut out = streaming.push(&pcm);
            let delay = streaming.delay();
            out.append(&streaming.flush());
            assert!(peak(&out).abs_diff(TO as usize / 2 + delay) <= 1);
        }
        click::<48_000, 16_000>();
        click::<24_000, 48_000>();
        click::<16_000, 48_000>();
        click::<44_100, 48_000>();
    }

    #[test]
    fn ten_milliseconds_in_are_ten_milliseconds_out_from_the_first_frame() {
        let mut down = Resampler::<48_000, 16_000>::new();
        let mut up = Resampler::<24_000, 48_000>::new();
        for _ in 0..500 {
            assert_eq!(down.push(&Pcm::new(vec![1; 480])).len(), 160);
            assert_eq!(up.push(&Pcm::new(vec![1; 240])).len(), 480);
        }
        assert_eq!(down.delay(), 31);
        assert_eq!(up.delay(), 66);
    }

    #[test]
    fn full_scale_does_not_wrap() {
        let square: Vec<i16> = (0..4800)
            .map(|n| if n / 48 % 2 == 0 { i16::MAX } else { i16::MIN })
            .collect();
        let out = Resampler::<48_000, 16_000>::convert(&Pcm::new(square));
        // Inside each half wave the sign is the input's.
        for (n, &sample) in out.samples().iter().enumerate() {
            if (4..12).contains(&(n % 16)) {
                assert_eq!(sample > 0, n / 16 % 2 == 0, "sample {n} is {sample}");
            }
        }
    }

    #[test]
    fn equal_rates_change_nothing() {
        let pcm = tone::<16_000>(440.0, 0.1);
        assert_eq!(Resampler::<16_000, 16_000>::convert(&pcm), pcm);
        assert_eq!(Resampler::<16_000, 16_000>::new().push(&pcm), pcm);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_chunking_gives_the_same_sound(cuts in prop::collection::vec(0usize..3000, 1..12)) {
            let pcm = tone::<24_000>(700.0, 0.3);
            let mut whole = Resampler::<24_000, 48_000>::new();
            let expected = whole.push(&pcm);
            let mut parts = Resampler::<24_000, 48_000>::new();
            let mut rest = pcm;
            let mut got = Pcm::default();
            let mut pushed = 0;
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let part = rest.take_front(cut);
                pushed += part.len();
                got.append(&parts.push(&part));
                prop_assert_eq!(got.len(), pushed * 2);
            }
            prop_assert_eq!(got, expected);
        }
    }
}
