//! Qwen2's network, with keys and values that can be truncated.
//!
//! Own code, because candle-transformers' quantised Qwen2 can only append to its cache: here a conversation continues
//! from the longest prefix it shares with what was computed before. It also computes logits only for the last token,
//! shares keys and values between query heads without copies, and fuses matrices that have the same input.

use std::path::Path;

use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{DType, Device, Module, Result, Tensor, bail};
use candle_nn::{RmsNorm, ops, rotary_emb};

use super::memory::Memory;
use super::shape::{CONTEXT, Shape};
use crate::quant::{Linear, Weights};

/// Maximum tokens fed at once. From 32 rows on, candle makes a second packed copy of the weights on processors with
/// AMX; and between chunks a request can be cancelled or another one served.
pub(super) const CHUNK: usize = 31;

/// A number from the file's header.
pub(super) fn number(
    metadata: &std::collections::HashMap<String, Value>,
    name: &str,
) -> Result<usize> {
    match metadata.get(name) {
        Some(value) => Ok(value.to_u32()? as usize),
        None => bail!("there is no {name}"),
    }
}

/// The network, ready to run.
pub(super) struct Qwen {
    weights: Weights,
    embeddings: QTensor,
    hidden: usize,
    layers: Vec<Layer>,
    norm: RmsNorm,
    head: Linear,
    cos: Tensor,
    sin: Tensor,
    shape: Shape,
}

struct Layer {
    attention_norm: RmsNorm,
    qkv: Linear,
    out: Linear,
    mlp_norm: RmsNorm,
    gate_up: Linear,
    down: Linear,
}

impl Qwen {
    pub(super) fn load(path: &Path) -> Result<Self> {
        let weights = Weights::open(path)?;
        let metadata = &weights.content().metadata;
        let hidden = number(metadata, "qwen2.embedding_length")?;
        let inner = number(metadata, "qwen2.feed_forward_length")?;
        let heads = number(metadata, "qwen2.attention.head_count")?;
        let kv_heads = number(metadata, "qwen2.attention.head_count_kv")?;
        let shape = Shape {
            heads,
            kv_heads,
            width: hidden / heads,
        };
        let epsilon = f64::from(
            weights
                .metadata("qwen2.attention.layer_norm_rms_epsilon")?
                .to_f32()?,
        );
        let base = weights.metadata("qwen2.rope.freq_base")?.to_f32()?;
        let norm =
            |name: &str| Ok::<_, candle_core::Error>(RmsNorm::new(weights.plain(name)?, epsilon));

        let layers = (0..number(metadata, "qwen2.block_count")?)
            .map(|n| {
                let name = |part: &str| format!("blk.{n}.{part}");
                let qkv = (heads + 2 * kv_heads) * shape.width;
                let bias = weights.plain(&name("qkv.bias"))?;
                Ok(Layer {
                    attention_norm: norm(&name("attn_norm.weight"))?,
                    qkv: weights.linear(&name("qkv"), qkv, Some(bias))?,
                    out: weights.linear(&name("out"), hidden, None)?,
                    mlp_norm: norm(&name("ffn_norm.weight"))?,
                    gate_up: weights.linear(&name("gate_up"), 2 * inner, None)?,
                    down: weights.linear(&name("down"), hidden, None)?,
                })
            })
            .collect::<Result<_>>()?;
        let embeddings = weights.matrix("token_embd.weight")?;
        let vocabulary = embeddings.shape().dims2()?.0;
        let tied = !weights.content().tensor_infos.contains_key("output.weight");
        let head = if tied {
            "token_embd.weight"
        } else {
            "output.weight"
        };
        let head = weights.linear(head, vocabulary, None)?;
        let (cos, sin) = rotations(base, shape.width)?;
        let norm = norm("output_norm.weight")?;
        Ok(Self {
            embeddings,
            hidden,
            layers,
            norm,
            head,
            cos,
            sin,
            shape,
            weights,
        })
    }

    /// The file's header, which contains the tokeniser.
    pub(super) fn content(&self) -> &Content {
        self.weights.content()
    }

    /// Releases memory that was needed only for loading.
    pub(super) fn release(&self) {
        self.weights.release();
    }

    /// An empty memory for a conversation.
    pub(super) fn memory(&self) -> Memory {
        Memory::default()
    }

    /// Feeds up to [`CHUNK`] tokens after those in `memory`, and returns the logits after the last one if `logits` is
    /// true.
    pub(super) fn feed(
        &self,
        memory: &mut Memory,
        tokens: &[u32],
        logits: bool,
    ) -> Result<Option<Vec<f32>>> {
        let (past, count) = (memory.tokens.len(), tokens.len());
        memory.grow(past + count, self.layers.len(), self.shape)?;
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let mut xs = self
            .embeddings
            .embedding(&ids)?
            .narrow(1, 0, self.hidden)?
            .contiguous()?;
        let cos = self.cos.narrow(0, past, count)?;
        let sin = self.sin.narrow(0, past, count)?;
        let mask = (count > 1).then(|| self.mask(past, count)).transpose()?;
        for (layer, kv) in self.layers.iter().zip(&memory.layers) {
            let qkv = layer.qkv.forward(&layer.attention_norm.forward(&xs)?)?;
            let said = self.attention(&qkv, kv, (past, &cos, &sin), mask.as_ref())?;
            xs = (xs + layer.out.forward(&said)?)?;
            let gate_up = layer.gate_up.forward(&layer.mlp_norm.forward(&xs)?)?;
            xs = (xs + layer.down.forward(&ops::swiglu(&gate_up)?)?)?;
        }
        // only now: an earlier error leaves the memory unchanged
        memory.tokens.extend_from_slice(tokens);
        if !logits {
            return Ok(None);
        }
        let last = self
            .norm
            .forward(&xs.narrow(0, count - 1, 1)?.contiguous()?)?;
        self.head.forward(&last)?.flatten_all()?.to_vec1().map(Some)
    }

    fn attention(
        &self,
        qkv: &Tensor,
        (keys, values): &(Tensor, Tensor),
        (past, cos, sin): (usize, &Tensor, &Tensor),
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let Shape {
            heads,
            kv_heads,
            width,
        } = self.shape;
        let count = qkv.dim(0)?;
        let split = |start: usize, heads: usize| {
            let part = qkv.narrow(1, start * width, heads * width)?;
            part.reshape((count, heads, width))?
                .transpose(0, 1)?
                .contiguous()
        };
        let rotate = |xs: Tensor| rotary_emb::rope(&xs.unsqueeze(0)?, cos, sin)?.squeeze(0);
        let query = rotate(split(0, heads)?)?;
        keys.slice_set(&rotate(split(heads, kv_heads)?)?, 1, past)?;
        values.slice_set(&split(heads + kv_heads, kv_heads)?, 1, past)?;
        let keys = keys.narrow(1, 0, past + count)?;
        let values = values.narrow(1, 0, past + count)?;

        // the query heads of a group become rows of one product with its keys
        let query = (query * (width as f64).powf(-0.5))?;
        let query = query.reshape((kv_heads, heads / kv_heads * count, width))?;
        let scores = query.matmul(&keys.t()?)?;
        let scores = match mask {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        let said = ops::softmax_last_dim(&scores)?.matmul(&values)?;
        said.reshape((heads, count, width))?
            .transpose(0, 1)?
            .reshape((count, heads * width))
    }

    /// 0 where a token may attend, -inf where not, for each query head of a group.
    fn mask(&self, past: usize, count: usize) -> Result<Tensor> {
        let group = self.shape.heads / self.shape.kv_heads;
        let row = |row: usize| {
            (0..past + count).map(move |col| {
                if col <= past + row {
                    0.0
                } else {
                    f32::NEG_INFINITY
                }
            })
        };
        let mask: Vec<f32> = (0..group).flat_map(|_| (0..count).flat_map(row)).collect();
        Tensor::from_vec(mask, (group * count, past + count), &Device::Cpu)
    }
}

/// Cosines and sines of rotary positions, `[CONTEXT, width / 2]` each.
fn rotations(base: f32, width: usize) -> Result<(Tensor, Tensor)> {
    let inverse: Vec<f32> = (0..width / 2)
        .map(|n| base.powf(-2.0 * n as f32 / width as f32))
        .collect();
    let inverse = Tensor::from_vec(inverse, (1, width / 2), &Device::Cpu)?;
    let positions = Tensor::arange(0, CONTEXT as u32, &Device::Cpu)?.to_dtype(DType::F32)?;
    let angles = positions.reshape((CONTEXT, 1))?.matmul(&inverse)?;
    Ok((angles.cos()?, angles.sin()?))
}

#[cfg(test)]
mod tests;
