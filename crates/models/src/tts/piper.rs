//! A Piper voice: phonemes in, waveform out.

use std::collections::HashMap;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use serde::Deserialize;

use super::{NAME, RATE, Voice};
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
    output: NodeId,
    options: RunOptions,
    config: Config,
    resamplers: HashMap<Voice, Resampler>,
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
        let resamplers = Voice::ALL
            .into_iter()
            .map(|voice| {
                let played_at = f64::from(config.audio.sample_rate) * voice.timbre().shift;
                Ok((voice, Resampler::new(f64::from(RATE) / played_at)?))
            })
            .collect::<Result<_, String>>()
            .map_err(|e| failed(&e))?;
        Ok(Self {
            model,
            inputs,
            output,
            options,
            config,
            resamplers,
        })
    }

    /// Speaks one clause. Silence at both ends is cut to a fixed length.
    pub(super) fn say(&mut self, ipa: &str, voice: Voice, speed: f32) -> Result<Vec<i16>, String> {
        let ids = self.ids(ipa);
        if ids.len() <= 3 {
            return Ok(Vec::new()); // nothing that has a sound
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
        let feed: Vec<(NodeId, rten::ValueOrView)> = vec![
            (input, NdTensor::from_data([1, count], ids).into()),
            (lengths, NdTensor::from_data([1], vec![count as i32]).into()),
            (
                scales,
                NdTensor::from_data([3], vec![noise_scale, length, noise_w]).into(),
            ),
        ];
        let outputs = self
            .model
            .run(feed, &[self.output], Some(self.options.clone()))
            .map_err(|e| e.to_string())?;
        let samples = match outputs.into_iter().next() {
            Some(Value::FloatTensor(tensor)) => tensor.to_vec(),
            _ => return Err("the voice gave no audio".into()),
        };
        let samples = trim(&samples, self.config.audio.sample_rate as f32);
        let resampler = self.resamplers.get_mut(&voice).ok_or("no such voice")?;
        let samples = resampler.convert(samples.to_vec())?;
        Ok(samples.into_iter().map(to_i16).collect())
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

fn trim(samples: &[f32], rate: f32) -> &[f32] {
    let loud = |sample: &f32| sample.abs() > SILENCE;
    let Some(first) = samples.iter().position(loud) else {
        return &[];
    };
    let last = samples.iter().rposition(loud).unwrap_or(first);
    let start = first.saturating_sub((KEPT.0 * rate) as usize);
    let end = (last + (KEPT.1 * rate) as usize).min(samples.len());
    &samples[start..end]
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
