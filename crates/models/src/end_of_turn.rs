//! Predicts whether a speaker who has fallen silent has finished: Smart Turn v3, run by rten.
//!
//! The network hears the last eight seconds of audio, not the words: melody and rhythm distinguish an end from a pause
//! for thought. <https://github.com/pipecat-ai/smart-turn>

use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::cache::Cache;
use crate::engine::{Engine, Failure};
use crate::mel::{BANDS, HOP, Mel, RATE};
use crate::{Error, loading, present};

/// The model's name in the manifest.
pub const NAME: &str = "smart-turn-v3.2";
const WEIGHTS: &str = "smart-turn-v3.2-cpu.onnx";
/// The model's input: the end of the speech, in samples. Shorter speech is preceded by silence.
pub const WINDOW: usize = 8 * RATE;
const FRAMES: usize = WINDOW / HOP;
/// Requests that may wait before further ones are refused: later answers would come too late.
const WAITING: usize = 4;

/// A handle on the model's thread, shared by all calls of the process.
#[derive(Clone)]
pub struct EndOfTurn {
    engine: Engine<Vec<f32>, f32>,
}

impl EndOfTurn {
    /// Loads the model from the cache: 9 MB, a few tenths of a second.
    ///
    /// # Errors
    /// If the model is not in the cache, or cannot be loaded.
    pub fn load(cache: &Cache) -> Result<Self, Error> {
        let failed = loading(NAME);
        present(cache, NAME)?;
        let judge = Judge::load(cache)?;
        // the first use allocates, which must not delay a call
        judge.probability(&[0.0; HOP]).map_err(|e| failed(&e))?;
        let engine = Engine::start("end-of-turn", WAITING, move |samples: Vec<f32>, _| {
            judge.probability(&samples)
        })
        .map_err(|e| failed(&e))?;
        Ok(Self { engine })
    }

    /// The probability that speech ending in `samples` (mono, 16 kHz, -1 to 1; only the last [`WINDOW`] of them
    /// matter) has ended for good.
    ///
    /// # Errors
    /// If too many requests are waiting, or the model failed.
    pub async fn probability(&self, samples: Vec<f32>) -> Result<f32, Failure> {
        self.engine.ask(samples).await
    }
}

struct Judge {
    model: Model,
    input: NodeId,
    output: NodeId,
    options: RunOptions,
    mel: Mel,
}

impl Judge {
    fn load(cache: &Cache) -> Result<Self, Error> {
        let failed = loading(NAME);
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load_file(cache.path(WEIGHTS))
            .map_err(|e| failed(&e))?;
        let node = |ids: &[NodeId], what: &str| {
            let missing = || failed(&format!("it has no {what}"));
            ids.first().copied().ok_or_else(missing)
        };
        let (input, output) = (
            node(model.input_ids(), "input")?,
            node(model.output_ids(), "output")?,
        );
        // One thread: calls wait for each other here, not for cores.
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        Ok(Self {
            model,
            input,
            output,
            options: RunOptions::default().with_thread_pool(Some(pool)),
            mel: Mel::new(),
        })
    }

    fn probability(&self, samples: &[f32]) -> Result<f32, String> {
        let mel = self.mel.spectrogram(&window(samples), FRAMES);
        let input = NdTensor::from_data([1, BANDS, FRAMES], mel);
        let outputs = self
            .model
            .run(
                vec![(self.input, input.into())],
                &[self.output],
                Some(self.options.clone()),
            )
            .map_err(|e| e.to_string())?;
        let output = outputs.into_iter().next().ok_or("no output")?;
        let output: NdTensor<f32, 2> = output.try_into().map_err(|_| "not a matrix")?;
        match output.iter().next() {
            Some(probability) if (0.0..=1.0).contains(probability) => Ok(*probability),
            other => Err(format!("not a probability: {other:?}")),
        }
    }
}

/// The last eight seconds, with silence before shorter speech, normalised to zero mean and unit variance: what the
/// network was trained on.
fn window(samples: &[f32]) -> Vec<f32> {
    let samples = &samples[samples.len().saturating_sub(WINDOW)..];
    let mut window = vec![0.0; WINDOW - samples.len()];
    window.extend(samples);
    let mean = window.iter().sum::<f32>() / WINDOW as f32;
    let variance = window.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / WINDOW as f32;
    let scale = (variance + 1e-7).sqrt().recip();
    window.iter_mut().for_each(|x| *x = (*x - mean) * scale);
    window
}
