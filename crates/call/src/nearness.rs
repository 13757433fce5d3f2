//! Whether what the microphone hears over the agent's voice is the caller: as loud as the caller
//! usually is, and not the agent's own voice come back. Pure.
//!
//! The echo is detected by normalised cross-correlation of both whitened voices at 4 kHz. Measured with two agents'
//! voices, a room of 0.2 to 0.5 s reverberation, -16 dB, 130 ms away, with noise 15 to 30 dB below, against five
//! other people: over 300 ms 92% of the echo is above a threshold that 1% of the others reach (0.42); over 200 ms it
//! is 77%, over 450 ms 97%.
//!
//! So an early look over 200 ms asks for less likeness, and who does not pass it is looked at again. Measured in the same
//! way 150 ms after speech began, with three agents' voices and six other people: 94% of the others are below 0.30
//! (84% while the agent's echo is heard beneath them), and no echo is that is not taken for a person later anyway (8 of
//! 105).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sidetone_base::audio::Pcm;
use sidetone_turn::words::bare;

/// Sample rate of the comparison.
const RATE: usize = 4_000;
/// The part of the microphone's audio that is compared. See the measurement above.
const WINDOW: usize = RATE * 300 / 1000;
/// The same for the early look.
const EARLY_WINDOW: usize = RATE * 200 / 1000;
/// The longest delay from our speaker channel back to the microphone: both jitter buffers, the network twice, and the
/// caller's sound card.
const FARTHEST: usize = RATE * 800 / 1000;
/// From this correlation on it is an echo. See the measurement above.
const ECHO: f32 = 0.45;
/// The same for the early look.
const EARLY_ECHO: f32 = 0.30;
/// Speech this much below the caller's usual level comes from farther away. Our choice: twice the
/// 6 dB by which people vary.
const QUIETER_DB: f32 = 12.0;
/// Used until the caller's level is known: anything quieter is nobody at a microphone. Speech at arm's length is
/// about -26 dBFS (ITU-T P.56 active level).
const FLOOR_DBFS: f32 = -50.0;
/// Speech is judged this long after VAD reported it: 150 ms of it have been heard then.
const JUDGED_FROM: Duration = Duration::from_millis(100);
/// Until then a look is early.
const EARLY: Duration = Duration::from_millis(200);
/// Speech judged far is judged again at this interval.
const JUDGED_EACH: Duration = Duration::from_millis(100);

/// Compares what both sides say.
#[derive(Debug)]
pub struct Nearness {
    mic: WhitenedVoice,
    agent: WhitenedVoice,
    /// The end of the audio in `agent`.
    agent_until: Option<Instant>,
    /// The caller's usual level in dBFS.
    usual: Option<f32>,
    speech: Option<OngoingSpeech>,
}

/// Speech in progress.
#[derive(Debug)]
struct OngoingSpeech {
    energy: f64,
    samples: usize,
    judged: Duration,
    near: bool,
}

impl Nearness {
    pub fn new() -> Self {
        Self {
            mic: WhitenedVoice::new(WINDOW),
            agent: WhitenedVoice::new(WINDOW + FARTHEST),
            agent_until: None,
            usual: None,
            speech: None,
        }
    }

    /// The agent plays this frame from `now` on.
    pub fn agent(&mut self, now: Instant, frame: &Pcm<48_000>) {
        self.agent_silent_until(now);
        let samples = frame.samples().chunks_exact(3);
        for three in samples {
            let sum: i32 = three.iter().map(|&s| i32::from(s)).sum();
            self.agent.push(sum as f32 / 3.0);
        }
        let until = self.agent_until.map_or(now, |until| until.max(now));
        self.agent_until = Some(until + frame.duration());
    }

    fn agent_silent_until(&mut self, now: Instant) {
        let silence = self
            .agent_until
            .map(|until| now.saturating_duration_since(until));
        let Some(silence) = silence.filter(|silence| !silence.is_zero()) else {
            return;
        };
        let most = Pcm::<16_000>::duration_of((WINDOW + FARTHEST) * DECIMATION);
        for _ in 0..Pcm::<16_000>::samples_in(silence.min(most)) {
            self.agent.push(0.0);
        }
        self.agent_until = Some(now);
    }

    /// Speech has begun.
    pub fn begins(&mut self) {
        self.speech = Some(OngoingSpeech {
            energy: 0.0,
            samples: 0,
            judged: Duration::ZERO,
            near: false,
        });
    }

    /// The caller's next frame. `true` once per speech: when it turns out to be near.
    pub fn caller(&mut self, now: Instant, frame: &Pcm<16_000>) -> bool {
        for &sample in frame.samples() {
            self.mic.push(f32::from(sample));
        }
        let Some(speech) = &mut self.speech else {
            return false;
        };
        let energy = |&s: &i16| f64::from(s) * f64::from(s);
        speech.energy += frame.samples().iter().map(energy).sum::<f64>();
        speech.samples += frame.len();
        let length = Pcm::<16_000>::duration_of(speech.samples);
        let due = length >= JUDGED_FROM && length >= speech.judged + JUDGED_EACH;
        if speech.near || !due {
            return false;
        }
        speech.judged = length;
        let level = speech.level_dbfs();
        let least = self.usual.map_or(FLOOR_DBFS, |usual| usual - QUIETER_DB);
        let (window, echo) = match length < EARLY {
            true => (EARLY_WINDOW, EARLY_ECHO),
            false => (WINDOW, ECHO),
        };
        let near = level >= least && self.echo(now, window) < echo;
        if let Some(speech) = &mut self.speech {
            speech.near = near;
        }
        near
    }

    /// Whether the current speech, or the last one, is near. Speech too short to be judged is not.
    pub fn is_near(&self) -> bool {
        self.speech.as_ref().is_some_and(|speech| speech.near)
    }

    /// Another person is heard from now on, whose usual level is not known.
    pub fn another(&mut self) {
        self.usual = None;
    }

    /// Speech has ended.
    pub fn ends(&mut self) {
        if let Some(speech) = self.speech.as_ref().filter(|speech| speech.near) {
            let level = speech.level_dbfs();
            let usual = self.usual.map_or(level, |usual| (usual + level) / 2.0);
            self.usual = Some(usual);
        }
    }

    /// How much the microphone's last `window` samples are like the agent's voice.
    fn echo(&mut self, now: Instant, window: usize) -> f32 {
        self.agent_silent_until(now);
        if self.agent_until.is_none() {
            return 0.0;
        }
        likeness(&self.mic.samples, window, &self.agent.samples)
    }
}

impl OngoingSpeech {
    fn level_dbfs(&self) -> f32 {
        let rms = (self.energy / self.samples.max(1) as f64).sqrt();
        (20.0 * (rms / 32_768.0).max(1e-9).log10()) as f32
    }
}

/// Whether `text` is what the agent has `said`, as STT hears the echo: at least seven of ten words, in the same
/// order.
pub fn is_said(text: &str, said: &str) -> bool {
    let (text, said) = (bare(text), bare(said));
    // The longest common subsequence, computed row by row.
    let mut row = vec![0; said.len() + 1];
    for word in &text {
        let mut diagonal = 0;
        for (n, other) in said.iter().enumerate() {
            let above = row[n + 1];
            row[n + 1] = if word == other {
                diagonal + 1
            } else {
                above.max(row[n])
            };
            diagonal = above;
        }
    }
    !text.is_empty() && 10 * row[said.len()] >= 7 * text.len()
}

/// From 16 kHz to [`RATE`].
const DECIMATION: usize = 4;
/// Taps of the low-pass before it, at 1.6 kHz.
const TAPS: usize = 32;
/// Whitening: speech falls off with frequency, and without this only low frequencies would count.
const EMPHASIS: f32 = 0.9;

/// The last moments of a voice at [`RATE`], whitened.
#[derive(Debug)]
struct WhitenedVoice {
    taps: [f32; TAPS],
    recent: VecDeque<f32>,
    phase: usize,
    last: f32,
    keep: usize,
    samples: VecDeque<f32>,
}

impl WhitenedVoice {
    fn new(keep: usize) -> Self {
        // A Hamming-windowed sinc.
        let mut taps = [0.0; TAPS];
        let middle = (TAPS - 1) as f32 / 2.0;
        for (n, tap) in taps.iter_mut().enumerate() {
            let x = n as f32 - middle;
            let cutoff = 2.0 * 1600.0 / 16_000.0;
            let phase = std::f32::consts::PI * cutoff * x;
            let window =
                0.54 - 0.46 * (2.0 * std::f32::consts::PI * n as f32 / (TAPS - 1) as f32).cos();
            *tap = cutoff * phase.sin() / phase * window;
        }
        Self {
            taps,
            recent: VecDeque::from([0.0; TAPS]),
            phase: 0,
            last: 0.0,
            keep,
            samples: VecDeque::with_capacity(keep + 1),
        }
    }

    /// Takes a sample at 16 kHz.
    fn push(&mut self, sample: f32) {
        self.recent.pop_front();
        self.recent.push_back(sample);
        self.phase = (self.phase + 1) % DECIMATION;
        if self.phase != 0 {
            return;
        }
        let low: f32 = self.recent.iter().zip(&self.taps).map(|(s, t)| s * t).sum();
        self.samples.push_back(low - EMPHASIS * self.last);
        self.last = low;
        if self.samples.len() > self.keep {
            self.samples.pop_front();
        }
    }
}

/// The greatest normalised cross-correlation of the last `window` samples of `mic` with any equally long part of `agent`.
fn likeness(mic: &VecDeque<f32>, window: usize, agent: &VecDeque<f32>) -> f32 {
    /// Mean square below which there is nothing to compare: rounding noise of 16-bit samples.
    const NOTHING: f32 = 1.0;
    let (mic, agent): (Vec<f32>, Vec<f32>) = (
        mic.iter()
            .skip(mic.len().saturating_sub(window))
            .copied()
            .collect(),
        agent.iter().copied().collect(),
    );
    let energy = |samples: &[f32]| samples.iter().map(|s| s * s).sum::<f32>();
    let length = mic.len() as f32;
    let own = energy(&mic);
    if mic.is_empty() || own < NOTHING * length {
        return 0.0;
    }
    let of = |part: &[f32]| {
        let theirs = energy(part);
        if theirs < NOTHING * length {
            return 0.0;
        }
        let product: f32 = part.iter().zip(&mic).map(|(a, b)| a * b).sum();
        product.abs() / (own * theirs).sqrt()
    };
    agent.windows(mic.len()).map(of).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests;
