//! A hibari voice: takes Kokoro's phonemes, predicts a spectrum and a pitch for each frame, and makes a waveform of
//! them.
//!
//! The network has two halves: a small one that turns all phonemes of a clause into durations, melody and a sequence
//! of frames, and a decoder whose spectrum of a frame depends only on [`CONTEXT`] frames to either side. So the
//! decoder runs on one stretch of frames at a time, and the first audio is available long before the last is made.
//! <https://github.com/MMWilliams/hibari> says what the outputs mean.

mod vocoder;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

pub(super) use vocoder::RATE;
use vocoder::{Spectra, Vocoder};

/// Where the decoder begins: the frames' name in the exported graph.
const FRAMES: &str = "/Concat_43_output_0";
/// The decoder's outputs, in the order of [`Spectra`]'s fields.
const SPECTRA: [&str; 5] = ["lh", "theta", "ln", "lr", "phi"];
/// Frames to either side that a frame's spectrum depends on: nine kernels of 7.
const CONTEXT: usize = 27;
/// Frames of the first stretch: 0.6 s, the first half of it silence.
const FIRST_STRETCH: usize = 48;
/// Frames of the longest stretch: each stretch is twice as long as the previous one, so that little is computed twice.
const LONGEST_STRETCH: usize = 256;
/// How far the spectra of a stretch may differ from those of the whole: the network rounds relative to the loudest
/// value it sees, so they are never quite equal.
const ROUNDING: f32 = 0.2;

/// The numbers of phonemes, from Kokoro's list. Phonemes that are not in it are not spoken.
const PHONEMES: [(&str, i32); 29] = [
    (";:,.!?", 1),
    ("—…\"()“” ", 9),
    ("\u{303}ʣʥʦʨᵝꭧAI", 17),
    ("O", 31),
    ("Q", 33),
    ("ST", 35),
    ("W", 39),
    ("Yᵊabcdef", 41),
    ("hijklmnopqrstuvwxyzɑɐɒæ", 50),
    ("βɔɕç", 75),
    ("ɖðʤə", 80),
    ("ɚɛɜ", 85),
    ("ɟ", 90),
    ("ɡ", 92),
    ("ɥ", 99),
    ("ɨɪʝ", 101),
    ("ɯɰŋɳɲɴø", 110),
    ("ɸθœ", 118),
    ("ɹ", 123),
    ("ɾɻ", 125),
    ("ʁɽʂʃʈʧ", 128),
    ("ʊʋ", 135),
    ("ʌɣɤ", 138),
    ("χʎ", 142),
    ("ʒʔ", 147),
    ("ˈˌː", 156),
    ("ʰ", 162),
    ("ʲ", 164),
    ("ᵻ", 177),
];

pub(super) struct Hibari {
    model: Model,
    ids: NodeId,
    speed: NodeId,
    pitch: NodeId,
    spectra: [NodeId; 5],
    /// `None` for a file whose decoder cannot be run separately: it speaks a clause in one piece.
    frames: Option<NodeId>,
    options: RunOptions,
}

/// A clause on its way from frames to audio.
pub(super) struct Frames {
    /// The decoder's input, channel by channel; or the output of the whole network.
    source: Source,
    count: usize,
    /// The next stretch; empty after the last.
    next: Range<usize>,
    vocoder: Vocoder,
}

enum Source {
    Latent(Vec<f32>),
    Spectra(Spectra),
}

impl Frames {
    pub(super) fn is_over(&self) -> bool {
        self.next.is_empty()
    }
}

impl Hibari {
    /// Loads a voice and speaks a word with it, because the first use allocates.
    pub(super) fn load(path: &Path, pool: Arc<ThreadPool>) -> Result<Self, String> {
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load_file(path)
            .map_err(|e| e.to_string())?;
        let node = |name| model.node_id(name).map_err(|e| e.to_string());
        let mut spectra = [node(SPECTRA[0])?; 5];
        for (id, name) in spectra.iter_mut().zip(SPECTRA) {
            *id = node(name)?;
        }
        let mut voice = Self {
            ids: node("ids")?,
            speed: node("speed")?,
            pitch: node("f0")?,
            spectra,
            frames: model.node_id(FRAMES).ok(),
            options: RunOptions::default().with_thread_pool(Some(pool)),
            model,
        };
        if !voice.is_divisible("həlˈO.")? {
            voice.frames = None;
        }
        Ok(voice)
    }

    /// Whether the decoder gives the same result for a stretch as for the whole.
    fn is_divisible(&self, phonemes: &str) -> Result<bool, String> {
        let ids = ids(phonemes);
        let (whole, _) = self.whole(ids.clone(), 1.0)?;
        let Ok((latent, pitch)) = self.latent(ids, 1.0) else {
            return Ok(false);
        };
        let count = pitch.len();
        let middle = count / 3..count / 2;
        Ok(self
            .decode(&latent, count, &middle)
            .is_ok_and(|part| part.differs(&whole.part(middle)) < ROUNDING))
    }

    /// Begins to speak; `None` if nothing in it has a sound. `pitch` is a factor on the melody, which does not change
    /// the formants.
    pub(super) fn begin(
        &self,
        phonemes: &str,
        pitch: f32,
        pace: f32,
    ) -> Result<Option<Frames>, String> {
        let ids = ids(phonemes);
        // only spaces and marks between the two ends
        if !ids.iter().any(|id| *id > SPACE) {
            return Ok(None);
        }
        let (source, mut melody) = match self.frames {
            Some(_) => {
                let (latent, melody) = self.latent(ids, pace)?;
                (Source::Latent(latent), melody)
            }
            None => {
                let (spectra, melody) = self.whole(ids, pace)?;
                (Source::Spectra(spectra), melody)
            }
        };
        melody.iter_mut().for_each(|hertz| *hertz *= pitch);
        let count = melody.len();
        Ok(Some(Frames {
            source,
            count,
            next: 0..FIRST_STRETCH.min(count),
            vocoder: Vocoder::new(melody),
        }))
    }

    /// The next stretch of audio.
    pub(super) fn go_on(&self, frames: &mut Frames) -> Result<Vec<f32>, String> {
        let stretch = frames.next.clone();
        let end = stretch.end + (2 * stretch.len()).min(LONGEST_STRETCH);
        frames.next = stretch.end..end.min(frames.count);
        let spectra = match &frames.source {
            Source::Latent(latent) => self.decode(latent, frames.count, &stretch)?,
            Source::Spectra(spectra) => spectra.part(stretch),
        };
        let mut samples = frames.vocoder.push(&spectra)?;
        if frames.is_over() {
            samples.extend(frames.vocoder.finish());
        }
        Ok(samples)
    }

    /// The decoder's input, and the melody in hertz.
    fn latent(&self, ids: Vec<i32>, pace: f32) -> Result<(Vec<f32>, Vec<f32>), String> {
        let frames = self.frames.ok_or("its decoder cannot be run by itself")?;
        let [latent, pitch] = self.run(self.feed(ids, pace), [frames, self.pitch])?;
        Ok((latent, pitch))
    }

    /// The spectra of all frames, and the melody in hertz.
    fn whole(&self, ids: Vec<i32>, pace: f32) -> Result<(Spectra, Vec<f32>), String> {
        let [a, b, c, d, e] = self.spectra;
        let [a, b, c, d, e, pitch] = self.run(self.feed(ids, pace), [a, b, c, d, e, self.pitch])?;
        let spectra = Spectra::new([a, b, c, d, e], pitch.len(), 0..pitch.len())?;
        Ok((spectra, pitch))
    }

    /// The spectra of some frames, as they are among those of the whole clause.
    fn decode(
        &self,
        latent: &[f32],
        count: usize,
        stretch: &Range<usize>,
    ) -> Result<Spectra, String> {
        let frames = self.frames.ok_or("its decoder cannot be run by itself")?;
        let from = stretch.start.saturating_sub(CONTEXT);
        let to = (stretch.end + CONTEXT).min(count);
        let window: Vec<f32> = latent
            .chunks_exact(count.max(1))
            .flat_map(|channel| channel[from..to].iter().copied())
            .collect();
        let channels = window.len() / (to - from).max(1);
        let window = NdTensor::from_data([1, channels, to - from], window);
        let outputs = self.run(vec![(frames, window.into())], self.spectra)?;
        Spectra::new(outputs, to - from, stretch.start - from..stretch.end - from)
    }

    fn feed(&self, ids: Vec<i32>, pace: f32) -> Vec<(NodeId, ValueOrView<'static>)> {
        vec![
            (self.ids, NdTensor::from_data([1, ids.len()], ids).into()),
            (self.speed, NdTensor::from_data([1], vec![pace]).into()),
        ]
    }

    fn run<const N: usize>(
        &self,
        feed: Vec<(NodeId, ValueOrView)>,
        outputs: [NodeId; N],
    ) -> Result<[Vec<f32>; N], String> {
        let values = self
            .model
            .run(feed, &outputs, Some(self.options.clone()))
            .map_err(|e| e.to_string())?;
        let numbers = values.into_iter().map(|value| match value {
            Value::FloatTensor(tensor) => Ok(tensor.to_vec()),
            _ => Err("the voice gave no numbers".to_owned()),
        });
        numbers
            .collect::<Result<Vec<_>, _>>()?
            .try_into()
            .map_err(|_| "the voice gave too little".to_owned())
    }
}

/// The number of the space, the last one without a sound.
const SPACE: i32 = 16;

/// The numbers of the phonemes, with a pause at both ends.
fn ids(phonemes: &str) -> Vec<i32> {
    let number = |phoneme: char| {
        let phoneme = match phoneme {
            'g' => 'ɡ',
            '–' => '—',
            other => other,
        };
        PHONEMES.iter().find_map(|(run, first)| {
            let place = run.chars().position(|known| known == phoneme)?;
            Some(first + place as i32)
        })
    };
    let spoken = phonemes.chars().filter_map(number);
    std::iter::once(0).chain(spoken).chain([0]).collect()
}

#[cfg(test)]
mod tests;
