//! What is said can be recognised by sound alone: a question carries a mark under the caller's voice, which the fake
//! STT reads; each sentence of the fake TTS has its own tone, which callers recognise. PURE.

use std::time::Duration;

use sidetone_base::audio::Pcm;
use sidetone_base::audio::pcm::level_dbfs;

/// The subjects of the questions, in order: words that nothing in a call spells differently.
pub const SUBJECTS: [&str; 24] = [
    "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett",
    "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "yankee",
];

/// The agents' greeting.
pub const GREETING: &str = "Welcome to the house of answers.";
/// A word in the answers of an agent that does not know the previous question.
const FORGETFUL: &str = "blindly";
/// The fake TTS's duration of a character.
const A_CHARACTER: Duration = Duration::from_millis(60);

/// The text of the `n`th question.
pub fn question(n: usize) -> String {
    format!("What is {}?", SUBJECTS[n])
}

/// The text of its answer.
pub fn answer(n: usize, remembers: bool) -> String {
    let subject = SUBJECTS[n];
    let how = if remembers { "gladly" } else { FORGETFUL };
    format!("The {subject} is {how} known. I {how} say {subject}.")
}

/// The duration of an answer, without the space between its sentences. Both kinds take about the same time.
pub fn answer_lasts(n: usize) -> Duration {
    A_CHARACTER * (answer(n, true).chars().count() as u32 - 1)
}

/// The last subject in a text.
pub fn subject_of(text: &str) -> Option<usize> {
    let text = text.to_lowercase();
    let at = |subject: &&str| text.rfind(subject);
    let found = (0..SUBJECTS.len()).filter_map(|n| Some((at(&SUBJECTS[n])?, n)));
    found.max().map(|(_, n)| n)
}

/// What an agent says, identified by its sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    Greeting,
    /// The answer to the `n`th question, and whether its agent knew the previous question.
    Answer {
        n: usize,
        remembers: bool,
    },
    /// The agent asks to say again what it may not have heard.
    AsksAgain,
    /// Anything else: an apology, a word after a takeover.
    Other,
}

impl Sound {
    pub fn of_text(text: &str) -> Self {
        if GREETING.starts_with(text.trim()) {
            return Self::Greeting;
        }
        if text.contains("please say it again") {
            return Self::AsksAgain;
        }
        let remembers = !text.contains(FORGETFUL);
        subject_of(text).map_or(Self::Other, |n| Self::Answer { n, remembers })
    }

    /// The tone's frequency; neighbours are at least 2.6 per cent apart.
    pub fn hz(self) -> f64 {
        match self {
            Self::Other => 300.0,
            Self::AsksAgain => 360.0,
            Self::Greeting => 440.0,
            // No tone lies between 1.00 and 1.07 kHz: with "kilo", at 1.02, callers missed the first 0.4 s every time.
            // Opus's voice detection has a band edge there, and seems to take such a tone for noise.
            Self::Answer { n, remembers } => {
                let step = 2 * (n + usize::from(n >= 10)) as i32 + i32::from(!remembers);
                600.0 * 1.027_f64.powi(step)
            }
        }
    }

    /// The sound with this frequency; `None` for unknown tones, such as those that a jitter buffer makes up.
    pub fn of_hz(hz: f64) -> Option<Self> {
        let answers = (0..SUBJECTS.len())
            .flat_map(|n| [true, false].map(|remembers| Self::Answer { n, remembers }));
        let mut known = answers.chain([Self::Greeting, Self::AsksAgain, Self::Other]);
        known.find(|sound| (hz / sound.hz() - 1.0).abs() < 0.012)
    }
}

/// The frequency of a tone: measured from the first rising zero crossing to the last, each interpolated between two
/// samples.
pub fn hz_of(samples: &[i16], rate: f64) -> Option<f64> {
    let rises: Vec<f64> = samples
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0] < 0 && pair[1] >= 0)
        .map(|(at, pair)| {
            let (before, after) = (f64::from(pair[0]), f64::from(pair[1]));
            at as f64 - before / (after - before)
        })
        .collect();
    let (first, last) = (rises.first()?, rises.last()?);
    (last > first).then(|| rate * (rises.len() - 1) as f64 / (last - first))
}

/// The mark of the `n`th question: above the frequencies that VAD uses, below the limit of 16 kHz audio.
fn mark_hz(n: usize) -> f64 {
    4_700.0 + 100.0 * n as f64
}

/// A voice with the mark: 12 dB below the voice, and silent where the voice is.
pub fn marked(voice: &Pcm<48_000>, n: usize) -> Pcm<48_000> {
    const FRAME: usize = Pcm::<48_000>::FRAME;
    let step = mark_hz(n) * std::f64::consts::TAU / 48_000.0;
    let amplitude = |frame: Option<&[i16]>| {
        let level = frame.and_then(level_dbfs).filter(|&level| level > -50.0);
        level.map_or(0.0, |level| {
            32_768.0 * 10_f64.powf(f64::from(level - 9.0) / 20.0)
        })
    };
    let frames: Vec<&[i16]> = voice.samples().chunks(FRAME).collect();
    let mut sound = Vec::with_capacity(voice.len());
    for (index, frame) in frames.iter().enumerate() {
        let (from, to) = (
            amplitude(Some(frame)),
            amplitude(frames.get(index + 1).copied()),
        );
        for (at, &sample) in frame.iter().enumerate() {
            let share = at as f64 / FRAME as f64;
            let tone = ((index * FRAME + at) as f64 * step).sin();
            let sum = f64::from(sample) + (from + (to - from) * share) * tone;
            sound.push(sum.clamp(-32_768.0, 32_767.0) as i16);
        }
    }
    Pcm::new(sound)
}

/// The question whose mark is in this 16 kHz audio: the mark that stands out from the others.
pub fn mark_in(samples: &[i16]) -> Option<usize> {
    let mut power = [0.0; SUBJECTS.len()];
    for window in samples.chunks_exact(1_600) {
        for (n, sum) in power.iter_mut().enumerate() {
            *sum += power_at(window, mark_hz(n), 16_000.0);
        }
    }
    let best = (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b]))?;
    let mut others = power;
    others.sort_by(f64::total_cmp);
    let usual = others[others.len() / 2];
    (power[best] > 0.0 && power[best] > 10.0 * usual).then_some(best)
}

/// The power of one frequency (Goertzel's algorithm).
fn power_at(samples: &[i16], hz: f64, rate: f64) -> f64 {
    let turn = 2.0 * (std::f64::consts::TAU * hz / rate).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for &sample in samples {
        (one, two) = (f64::from(sample) + turn * one - two, one);
    }
    one * one + two * two - turn * one * two
}

mod tests;
