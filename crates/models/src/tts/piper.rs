//! A Piper voice: phonemes in, waveform out.
//!
//! The network (VITS) has two halves: a small one that makes of all phonemes of a clause a
//! sequence of frames, and a vocoder (HiFi-GAN) that takes most of the time and turns frames
//! into samples. The vocoder sees only [`CONTEXT`] frames to either side, so it is run on a
//! stretch of frames at a time, and the first sound leaves long before the last is made.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use serde::Deserialize;

use super::{LocalVoice, NAME, RATE};
use crate::audio::Resampler;
use crate::cache::Cache;
use crate::{Error, loading};

const WEIGHTS: &str = "piper-en_US-joe-medium.onnx";
const CONFIG: &str = "piper-en_US-joe-medium.onnx.json";

/// Loudness: Piper's output peaks at about half of full scale.
const GAIN: f32 = 1.4;
/// Softer than this is silence at a clause's edges.
const SILENCE: f32 = 0.008;
/// Silence kept before and after the speech of a clause, in seconds.
const KEPT: (f32, f32) = (0.01, 0.04);

/// Where the vocoder begins: the frames, as the exported graph calls them.
const FRAMES: &str = "/Mul_7_output_0";
/// Values in a frame.
const CHANNELS: usize = 192;
/// Samples that the vocoder makes of a frame: its strides, 8 * 8 * 4.
const HOP: usize = 256;
/// Frames to either side that a sample depends on: 3 for the first kernel of 7, 1 for the first
/// upsampling, 5.6 for kernels of 7 dilated by 3 and 12 at eight times the rate, and 1 for all
/// that comes after at higher rates.
const CONTEXT: usize = 12;
/// Frames of the first stretch: 0.37 s of sound.
const FIRST_STRETCH: usize = 32;
/// Frames of the longest: each is twice as long as the one before, so that little is computed
/// twice.
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

/// A clause on its way from frames to sound.
pub(super) struct Utterance {
    /// All frames, channel by channel.
    latent: Vec<f32>,
    frames: usize,
    /// The stretch to be made next; empty after the last.
    next: Range<usize>,
    edges: Edges,
    resampler: Resampler,
}

impl Utterance {
    pub(super) fn is_over(&self) -> bool {
        self.next.is_empty()
    }
}

impl Piper {
    pub(super) fn load(cache: &Cache, threads: usize) -> Result<Self, Error> {
        let failed = loading(NAME);
        let json = std::fs::read(cache.path(CONFIG)).map_err(|e| failed(&e))?;
        let config: Config = serde_json::from_slice(&json).map_err(|e| failed(&e))?;
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load_file(cache.path(WEIGHTS))
            .map_err(|e| failed(&e))?;
        let input = |name| model.node_id(name).map_err(|e| failed(&e));
        let inputs = [input("input")?, input("input_lengths")?, input("scales")?];
        let output = *model
            .output_ids()
            .first()
            .ok_or_else(|| failed(&"it has no output"))?;
        let pool = Arc::new(ThreadPool::with_num_threads(threads));
        let options = RunOptions::default().with_thread_pool(Some(pool));
        let frames = model.node_id(FRAMES).map_err(|e| failed(&e))?;
        Ok(Self {
            model,
            inputs,
            frames,
            output,
            options,
            config,
        })
    }

    /// Begins to speak a clause; `None` when there is nothing in it that has a sound.
    pub(super) fn begin(
        &self,
        ipa: &str,
        voice: LocalVoice,
        speed: f32,
    ) -> Result<Option<Utterance>, String> {
        let ids = self.ids(ipa);
        if ids.len() <= 3 {
            return Ok(None);
        }
        let timbre = voice.timbre();
        let Inference {
            noise_scale,
            length_scale,
            noise_w,
        } = self.config.inference;
        let length = length_scale * timbre.pace * timbre.shift as f32 / speed;

        let count = ids.len();
        let [input, lengths, scales] = self.inputs;
        let feed: Vec<(NodeId, ValueOrView)> = vec![
            (input, NdTensor::from_data([1, count], ids).into()),
            (lengths, NdTensor::from_data([1], vec![count as i32]).into()),
            (
                scales,
                NdTensor::from_data([3], vec![noise_scale, length, noise_w]).into(),
            ),
        ];
        let latent = self.run(feed, self.frames)?;
        let frames = latent.len() / CHANNELS;
        let rate = f64::from(self.config.audio.sample_rate);
        Ok(Some(Utterance {
            latent,
            frames,
            next: 0..FIRST_STRETCH.min(frames),
            edges: Edges::new(rate as f32),
            resampler: Resampler::new(f64::from(RATE) / (rate * timbre.shift))?,
        }))
    }

    /// The next stretch of sound, which may be empty. Silence at both ends of the clause is cut
    /// to a fixed length.
    pub(super) fn go_on(&self, utterance: &mut Utterance) -> Result<Vec<i16>, String> {
        let stretch = utterance.next.clone();
        let end = stretch.end + (2 * stretch.len()).min(LONGEST_STRETCH);
        utterance.next = stretch.end..end.min(utterance.frames);
        let mut samples = self.vocode(utterance, stretch)?;
        samples = utterance.edges.push(&samples);
        let mut converted = utterance.resampler.push(&samples)?;
        if utterance.is_over() {
            converted.extend(utterance.resampler.push(&utterance.edges.finish())?);
            converted.extend(utterance.resampler.finish()?);
        }
        Ok(converted.into_iter().map(to_i16).collect())
    }

    /// The samples of some frames, as they are in the sound of all.
    fn vocode(&self, utterance: &Utterance, stretch: Range<usize>) -> Result<Vec<f32>, String> {
        let from = stretch.start.saturating_sub(CONTEXT);
        let to = (stretch.end + CONTEXT).min(utterance.frames);
        let window: Vec<f32> = utterance
            .latent
            .chunks_exact(utterance.frames.max(1))
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

    /// Phoneme ids with Piper's framing: `^`, then every id followed by the pad
    /// `_`, then `$`. Phonemes the voice does not know are left out.
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

/// Cuts the silence at both ends of a stream.
struct Edges {
    lead: usize,
    tail: usize,
    begun: bool,
    /// Silence that belongs to the speech if more follows.
    held: Vec<f32>,
}

impl Edges {
    fn new(rate: f32) -> Self {
        Self {
            lead: (KEPT.0 * rate) as usize,
            tail: (KEPT.1 * rate) as usize,
            begun: false,
            held: Vec::new(),
        }
    }

    fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        let mut out = std::mem::take(&mut self.held);
        out.extend(samples);
        let loud = |sample: &f32| sample.abs() > SILENCE;
        let speech = out.iter().rposition(loud).map_or(0, |last| last + 1);
        self.held = out.split_off(speech);
        if !self.begun {
            self.begun = speech > 0;
            let quiet = out.iter().position(loud).unwrap_or(0);
            out.drain(..quiet.saturating_sub(self.lead));
            if !self.begun {
                let old = self.held.len().saturating_sub(self.lead);
                self.held.drain(..old);
            }
        }
        out
    }

    fn finish(&mut self) -> Vec<f32> {
        let mut rest = std::mem::take(&mut self.held);
        rest.truncate(if self.begun { self.tail } else { 0 });
        rest
    }
}

/// Full scale is approached, never passed: no sample wraps or clips hard.
fn to_i16(sample: f32) -> i16 {
    let sample = sample * GAIN;
    let soft = if sample.abs() < 0.8 {
        sample
    } else {
        sample.signum() * (0.8 + 0.2 * ((sample.abs() - 0.8) / 0.2).tanh())
    };
    (soft * 32767.0) as i16
}

#[cfg(test)]
mod tests;
