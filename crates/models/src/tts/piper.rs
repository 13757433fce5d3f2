//! A Piper voice: phonemes in, waveform out.
//!
//! The network (VITS) has two halves: a small one that turns all phonemes of a clause into a sequence of frames, and a
//! vocoder (HiFi-GAN) that takes most of the time and turns frames into samples. The vocoder sees only [`CONTEXT`]
//! frames to either side, so it runs on one stretch of frames at a time, and the first audio is available long before
//! the last is made.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use serde::Deserialize;

use super::ipa;
use crate::cache::Cache;

const WEIGHTS: &str = "piper-en_US-joe-medium.onnx";
const CONFIG: &str = "piper-en_US-joe-medium.onnx.json";

/// Where the vocoder begins: the frames' name in the exported graph.
const FRAMES: &str = "/Mul_7_output_0";
/// Values in a frame.
const CHANNELS: usize = 192;
/// Samples that the vocoder makes from a frame: its strides, 8 * 8 * 4.
const HOP: usize = 256;
/// Frames to either side that a sample depends on: 3 for the first kernel of 7, 1 for the first upsampling, 5.6 for
/// kernels of 7 dilated by 3 and 12 at eight times the rate, and 1 for everything after that at higher rates.
const CONTEXT: usize = 12;
/// Frames of the first stretch: 0.37 s of audio.
const FIRST_STRETCH: usize = 32;
/// Frames of the longest stretch: each stretch is twice as long as the previous one, so that little is computed twice.
const LONGEST_STRETCH: usize = 256;

/// The part of the voice's `.onnx.json` that inference needs.
#[derive(Deserialize)]
struct Config {
    audio: Audio,
    inference: Inference,
    phoneme_id_map: HashMap<char, Vec<i32>>,
}

#[derive(Deserialize)]
struct Audio {
    sample_rate: u32,
}

#[derive(Deserialize)]
struct Inference {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
}

pub(super) struct Piper {
    model: Model,
    inputs: [NodeId; 3],
    frames: NodeId,
    output: NodeId,
    options: RunOptions,
    config: Config,
}

/// A clause on its way from frames to audio.
pub(super) struct Frames {
    /// All frames, channel by channel.
    latent: Vec<f32>,
    count: usize,
    /// The next stretch; empty after the last.
    next: Range<usize>,
}

impl Frames {
    pub(super) fn is_over(&self) -> bool {
        self.next.is_empty()
    }
}

impl Piper {
    /// Loads the voice and speaks a word with it, because the first use allocates.
    pub(super) fn load(cache: &Cache, pool: Arc<ThreadPool>) -> Result<Self, String> {
        let json = std::fs::read(cache.path(CONFIG)).map_err(|e| e.to_string())?;
        let config: Config = serde_json::from_slice(&json).map_err(|e| e.to_string())?;
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load_file(cache.path(WEIGHTS))
            .map_err(|e| e.to_string())?;
        let node = |name| model.node_id(name).map_err(|e| e.to_string());
        let output = model.output_ids().first().copied();
        let piper = Self {
            inputs: [node("input")?, node("input_lengths")?, node("scales")?],
            frames: node(FRAMES)?,
            output: output.ok_or("it has no output")?,
            options: RunOptions::default().with_thread_pool(Some(pool)),
            model,
            config,
        };
        if let Some(mut hello) = piper.begin("həlˈO.", 1.0)? {
            piper.go_on(&mut hello)?;
        }
        Ok(piper)
    }

    /// Samples per second.
    pub(super) fn rate(&self) -> u32 {
        self.config.audio.sample_rate
    }

    /// Begins to speak misaki's phonemes; `None` if nothing in them has a sound.
    pub(super) fn begin(&self, phonemes: &str, pace: f32) -> Result<Option<Frames>, String> {
        let ids = self.ids(&ipa::from_misaki(phonemes));
        if ids.len() <= 3 {
            return Ok(None);
        }
        let Inference {
            noise_scale,
            length_scale,
            noise_w,
        } = self.config.inference;

        let count = ids.len();
        let [input, lengths, scales] = self.inputs;
        let scaling = vec![noise_scale, length_scale / pace, noise_w];
        let feed: Vec<(NodeId, ValueOrView)> = vec![
            (input, NdTensor::from_data([1, count], ids).into()),
            (lengths, NdTensor::from_data([1], vec![count as i32]).into()),
            (scales, NdTensor::from_data([3], scaling).into()),
        ];
        let latent = self.run(feed, self.frames)?;
        let count = latent.len() / CHANNELS;
        Ok(Some(Frames {
            latent,
            count,
            next: 0..FIRST_STRETCH.min(count),
        }))
    }

    /// The next stretch of audio.
    pub(super) fn go_on(&self, frames: &mut Frames) -> Result<Vec<f32>, String> {
        let stretch = frames.next.clone();
        let end = stretch.end + (2 * stretch.len()).min(LONGEST_STRETCH);
        frames.next = stretch.end..end.min(frames.count);
        self.vocode(frames, stretch)
    }

    /// The samples of some frames, as they are in the audio of the whole clause.
    fn vocode(&self, frames: &Frames, stretch: Range<usize>) -> Result<Vec<f32>, String> {
        let from = stretch.start.saturating_sub(CONTEXT);
        let to = (stretch.end + CONTEXT).min(frames.count);
        let window: Vec<f32> = frames
            .latent
            .chunks_exact(frames.count.max(1))
            .flat_map(|channel| channel[from..to].iter().copied())
            .collect();
        let window = NdTensor::from_data([1, CHANNELS, to - from], window);
        let samples = self.run(vec![(self.frames, window.into())], self.output)?;
        let (start, end) = ((stretch.start - from) * HOP, (stretch.end - from) * HOP);
        samples
            .get(start..end)
            .map(<[f32]>::to_vec)
            .ok_or_else(|| "the voice gave too little audio".into())
    }

    fn run(&self, feed: Vec<(NodeId, ValueOrView)>, output: NodeId) -> Result<Vec<f32>, String> {
        let outputs = self
            .model
            .run(feed, &[output], Some(self.options.clone()))
            .map_err(|e| e.to_string())?;
        match outputs.into_iter().next() {
            Some(Value::FloatTensor(tensor)) => Ok(tensor.to_vec()),
            _ => Err("the voice gave nothing".into()),
        }
    }

    /// Phoneme ids with Piper's framing: `^`, then every id followed by the pad `_`, then `$`. Phonemes that the voice
    /// does not know are skipped.
    fn ids(&self, ipa: &str) -> Vec<i32> {
        let id = |c: char| {
            self.config
                .phoneme_id_map
                .get(&c)
                .map_or(&[][..], Vec::as_slice)
        };
        let mut ids = id('^').to_vec();
        ids.extend(id('_'));
        for phoneme in ipa.chars() {
            for &known in id(phoneme) {
                ids.push(known);
                ids.extend(id('_'));
            }
        }
        ids.extend(id('$'));
        ids
    }
}

#[cfg(test)]
mod tests;
