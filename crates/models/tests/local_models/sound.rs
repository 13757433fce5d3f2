//! Measures what a voice sounds like. Shared by the tests and `examples/voices.rs`.

use realfft::RealFftPlanner;

const RATE: usize = 24_000;
/// 50 ms: two periods of the lowest voice.
const FRAME: usize = RATE / 20;

/// Number of bands of [`spectrum`], thirds of an octave from 100 Hz to 8 kHz.
const BANDS: usize = 19;

/// Measurements of a voice.
pub struct Sound {
    /// The median fundamental frequency of voiced stretches.
    pub pitch: f32,
    /// The range from the lowest tenth to the highest, in semitones: how lively the melody is.
    pub melody: f32,
    /// The mean level in each third-octave band from 100 Hz, in dB, relative to the mean of all bands.
    pub spectrum: [f32; BANDS],
    /// The brightness: the centre of the energy from 100 Hz to 8 kHz on an octave scale, with the treble emphasised by
    /// 3 dB per octave.
    pub centre: f32,
    /// The level of the speech in dB below full scale.
    pub level: f32,
}

impl Sound {
    /// Measures mono samples at 24 kHz.
    pub fn of(samples: &[i16]) -> Self {
        let samples: Vec<f32> = samples.iter().map(|s| f32::from(*s) / 32_768.0).collect();
        let voiced: Vec<(f32, &[f32])> = samples
            .chunks_exact(FRAME)
            .filter_map(|frame| Some((pitch(frame)?, frame)))
            .collect();
        let mut pitches: Vec<f32> = voiced.iter().map(|(pitch, _)| *pitch).collect();
        pitches.sort_by(f32::total_cmp);
        let quantile = |share: f32| pitches[(share * (pitches.len() - 1) as f32) as usize];
        let (spectrum, centre) = spectrum(voiced.iter().map(|(_, frame)| *frame));
        let power = |frame: &[f32]| frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32;
        let mean = voiced.iter().map(|(_, frame)| power(frame)).sum::<f32>() / voiced.len() as f32;
        Self {
            pitch: quantile(0.5),
            melody: 12.0 * (quantile(0.9) / quantile(0.1)).log2(),
            spectrum,
            centre,
            level: 10.0 * mean.log10(),
        }
    }

    /// The distance between two voices' spectra: the mean difference of their bands in dB.
    pub fn apart(&self, other: &Self) -> f32 {
        let squares = self.spectrum.iter().zip(&other.spectrum);
        let sum: f32 = squares.map(|(a, b)| (a - b).powi(2)).sum();
        (sum / BANDS as f32).sqrt()
    }
}

/// The fundamental frequency of a frame by autocorrelation; `None` if it is not voiced.
fn pitch(frame: &[f32]) -> Option<f32> {
    let energy: f32 = frame.iter().map(|s| s * s).sum();
    if energy < 1.0 {
        return None;
    }
    let correlation = |lag: usize| {
        let sum: f32 = frame[lag..].iter().zip(frame).map(|(a, b)| a * b).sum();
        sum / energy * frame.len() as f32 / (frame.len() - lag) as f32
    };
    let (shortest, longest) = (RATE / 400, RATE / 65);
    let best = (shortest..longest).max_by(|a, b| correlation(*a).total_cmp(&correlation(*b)))?;
    (correlation(best) > 0.6).then(|| RATE as f32 / best as f32)
}

fn spectrum<'a>(frames: impl Iterator<Item = &'a [f32]>) -> ([f32; BANDS], f32) {
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(FRAME);
    let mut power = vec![0.0f32; FRAME / 2 + 1];
    for frame in frames {
        let mut windowed: Vec<f32> = frame.to_vec();
        for (n, sample) in windowed.iter_mut().enumerate() {
            let turn = std::f32::consts::TAU * n as f32 / FRAME as f32;
            *sample *= 0.5 - 0.5 * turn.cos();
        }
        let mut bins = fft.make_output_vec();
        if fft.process(&mut windowed, &mut bins).is_err() {
            unreachable!("both buffers have the plan's lengths");
        }
        for (sum, bin) in power.iter_mut().zip(&bins) {
            *sum += bin.norm_sqr();
        }
    }
    let hertz = |bin: usize| bin as f32 * RATE as f32 / FRAME as f32;
    let mut bands = [1e-9f32; BANDS];
    let (mut weighted, mut sum) = (0.0, 0.0);
    for (bin, power) in power.iter().enumerate().skip(1) {
        let band = ((hertz(bin) / 100.0).log2() * 3.0).floor();
        if (0.0..BANDS as f32).contains(&band) {
            bands[band as usize] += power;
            weighted += power * hertz(bin) * hertz(bin).log2();
            sum += power * hertz(bin);
        }
    }
    let mut levels = bands.map(|power| 10.0 * power.log10());
    let mean = levels.iter().sum::<f32>() / BANDS as f32;
    levels.iter_mut().for_each(|level| *level -= mean);
    (levels, (weighted / sum).exp2())
}
