//! What a text is about, as a vector: all-MiniLM-L6-v2, run by rten.
//!
//! Texts about the same thing have vectors that point the same way, in whatever words they say it: "a place for my car"
//! is close to "parking". <https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2>

use std::collections::HashMap;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use tokenizers::Tokenizer;

use crate::cache::Cache;
use crate::{Error, loading, present};

/// The model's name in the manifest.
pub(crate) const NAME: &str = "all-minilm-l6-v2";
const WEIGHTS: &str = "all-minilm-l6-v2-int8.onnx";
const TOKENIZER: &str = "all-minilm-l6-v2.tokenizer.json";
/// Tokens of a text that are read; what follows does not count.
const LONGEST: usize = 128;
/// Texts whose vectors are kept: the facts of some agents, and their words. 3 kB each with the text.
const KEPT: usize = 4096;

/// A direction of length 1.
pub(crate) type Vector = Arc<[f32]>;

/// How similar two texts' meanings are, 1 for the same.
pub(crate) fn similarity(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The network, and the vectors of the texts that it has read.
pub(crate) struct Meaning {
    model: Model,
    /// Token ids, attention mask, token types.
    inputs: [NodeId; 3],
    output: NodeId,
    options: RunOptions,
    tokenizer: Tokenizer,
    kept: HashMap<String, Vector>,
}

impl Meaning {
    pub(crate) fn load(cache: &Cache) -> Result<Self, Error> {
        let failed = loading(NAME);
        present(cache, NAME)?;
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load_file(cache.path(WEIGHTS))
            .map_err(|e| failed(&e))?;
        let node = |name| model.node_id(name).map_err(|e| failed(&e));
        let mut tokenizer = Tokenizer::from_file(cache.path(TOKENIZER)).map_err(|e| failed(&e))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|e| failed(&e))?;
        // one thread: a text is a few milliseconds' work
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let mut meaning = Self {
            inputs: [
                node("input_ids")?,
                node("attention_mask")?,
                node("token_type_ids")?,
            ],
            output: node("last_hidden_state")?,
            options: RunOptions::default().with_thread_pool(Some(pool)),
            model,
            tokenizer,
            kept: HashMap::new(),
        };
        // the first use allocates, which must not delay a call
        meaning.of("hello").map_err(|e| failed(&e))?;
        Ok(meaning)
    }

    /// The vector of this text.
    pub(crate) fn of(&mut self, text: &str) -> Result<Vector, String> {
        if let Some(vector) = self.kept.get(text) {
            return Ok(Arc::clone(vector));
        }
        let vector: Vector = self.compute(text)?.into();
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.insert(text.to_owned(), Arc::clone(&vector));
        Ok(vector)
    }

    fn compute(&self, text: &str) -> Result<Vec<f32>, String> {
        let encoding = self.tokenizer.encode_fast(text, true);
        let encoding = encoding.map_err(|e| e.to_string())?;
        let ids = encoding.get_ids().iter().take(LONGEST);
        let ids: Vec<i32> = ids.map(|id| id.cast_signed()).collect();
        let count = ids.len();
        let row = |row: Vec<i32>| NdTensor::from_data([1, count], row);
        let [tokens, mask, types] = self.inputs;
        let outputs = self
            .model
            .run(
                vec![
                    (tokens, row(ids).into()),
                    (mask, row(vec![1; count]).into()),
                    (types, row(vec![0; count]).into()),
                ],
                &[self.output],
                Some(self.options.clone()),
            )
            .map_err(|e| e.to_string())?;
        let output = outputs.into_iter().next().ok_or("no output")?;
        let output: NdTensor<f32, 3> = output.try_into().map_err(|_| "not three dimensions")?;
        let width = output.size(2);
        let mut mean = vec![0.0; width];
        for (n, value) in output.iter().enumerate() {
            mean[n % width] += value;
        }
        let length = similarity(&mean, &mean).sqrt();
        if !length.is_normal() {
            return Err(format!(
                "the vector of {count} tokens has the length {length}"
            ));
        }
        mean.iter_mut().for_each(|x| *x /= length);
        Ok(mean)
    }
}

#[cfg(test)]
mod tests;
