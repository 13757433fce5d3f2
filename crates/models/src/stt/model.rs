//! Whisper's network: an encoder over the spectrogram, a decoder over tokens.
//!
//! Own code, because candle-transformers' Whisper always encodes 30 seconds and reruns every token of the decoder at
//! each step. This one takes a spectrogram of any length and keeps the decoder's keys and values.

use std::path::Path;

use candle_core::{D, Device, Module, Result, Tensor};
use candle_nn::{LayerNorm, ops};

use crate::mel::BANDS;
use crate::quant::{Linear, Weights};

/// Epsilon of the layer norms, PyTorch's default.
const EPSILON: f64 = 1e-5;
/// The width of a head, the same in every Whisper.
const HEAD: usize = 64;

/// The network, ready to run.
pub(super) struct Whisper {
    encoder: Encoder,
    decoder: Decoder,
    weights: Weights,
}

impl Whisper {
    pub(super) fn load(path: &Path) -> Result<Self> {
        let weights = Weights::open(path)?;
        let number = |name| Ok::<_, candle_core::Error>(weights.metadata(name)?.to_u32()? as usize);
        let heads = number("heads")?;
        let encoder = Encoder::load(&weights, number("encoder.layers")?, heads)?;
        let decoder = Decoder::load(
            &weights,
            number("decoder.layers")?,
            heads,
            number("vocabulary")?,
        )?;
        Ok(Self {
            encoder,
            decoder,
            weights,
        })
    }

    /// Releases memory that was needed only for loading.
    pub(super) fn release(&self) {
        self.weights.release();
    }

    /// The maximum number of encoder frames (20 ms each).
    pub(super) fn max_context(&self) -> usize {
        self.encoder.positions.dims()[0]
    }

    /// Encodes a spectrogram of `2 * context` frames and prepares the decoder for it. `stop` is checked between
    /// layers.
    pub(super) fn listen(
        &self,
        mel: Vec<f32>,
        context: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Listener>> {
        let mel = Tensor::from_vec(mel, (1, BANDS, context * 2), &Device::Cpu)?;
        let Some(audio) = self.encoder.forward(&mel, stop)? else {
            return Ok(None);
        };
        let layers = self
            .decoder
            .layers
            .iter()
            .map(|layer| {
                let kv = layer.cross_kv.forward(&audio)?;
                let (keys, values) = (
                    kv.narrow(1, 0, layer.width)?,
                    kv.narrow(1, layer.width, layer.width)?,
                );
                Ok(State {
                    cross_keys: heads(&keys)?,
                    cross_values: heads(&values)?,
                    keys: None,
                    values: None,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Some(Listener {
            layers,
            position: 0,
        }))
    }

    /// Feeds tokens and returns the logits `[tokens, vocabulary]` of all of them.
    pub(super) fn decode(&self, listener: &mut Listener, tokens: &[u32]) -> Result<Tensor> {
        self.decoder.forward(listener, tokens)
    }
}

/// What the decoder has heard and written so far.
pub(super) struct Listener {
    layers: Vec<State>,
    position: usize,
}

struct State {
    cross_keys: Tensor,
    cross_values: Tensor,
    keys: Option<Tensor>,
    values: Option<Tensor>,
}

struct Encoder {
    conv1: (Tensor, Tensor),
    conv2: (Tensor, Tensor),
    positions: Tensor,
    layers: Vec<EncoderLayer>,
    norm: LayerNorm,
}

struct EncoderLayer {
    attention_norm: LayerNorm,
    qkv: Linear,
    out: Linear,
    mlp: Mlp,
}

impl Encoder {
    fn load(weights: &Weights, layers: usize, heads: usize) -> Result<Self> {
        let width = heads * HEAD;
        let conv = |n| {
            let bias = weights
                .plain(&format!("encoder/conv{n}/bias"))?
                .reshape((1, width, 1))?;
            Ok::<_, candle_core::Error>((weights.plain(&format!("encoder/conv{n}/weight"))?, bias))
        };
        let layers = (0..layers)
            .map(|n| {
                let name = format!("encoder/layer_{n}");
                Ok(EncoderLayer {
                    attention_norm: norm(weights, &format!("{name}/self_attention/layer_norm"))?,
                    qkv: linear(weights, &format!("{name}/self_attention/linear_0"))?,
                    out: linear(weights, &format!("{name}/self_attention/linear_1"))?,
                    mlp: Mlp::load(weights, &name)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            conv1: conv(1)?,
            conv2: conv(2)?,
            positions: weights.plain("encoder/position_encodings/encodings")?,
            layers,
            norm: norm(weights, "encoder/layer_norm")?,
        })
    }

    fn forward(&self, mel: &Tensor, stop: &dyn Fn() -> bool) -> Result<Option<Tensor>> {
        let xs = mel
            .conv1d(&self.conv1.0, 1, 1, 1, 1)?
            .broadcast_add(&self.conv1.1)?
            .gelu_erf()?;
        let xs = xs
            .conv1d(&self.conv2.0, 1, 2, 1, 1)?
            .broadcast_add(&self.conv2.1)?
            .gelu_erf()?;
        let xs = xs.squeeze(0)?.t()?.contiguous()?;
        let mut xs = (&xs + self.positions.narrow(0, 0, xs.dim(0)?)?)?;
        for layer in &self.layers {
            if stop() {
                return Ok(None);
            }
            let width = xs.dim(1)?;
            let qkv = layer.qkv.forward(&layer.attention_norm.forward(&xs)?)?;
            let part = |n: usize| heads(&qkv.narrow(1, n * width, width)?);
            let heard = attention(&part(0)?, &part(1)?, &part(2)?, None)?;
            xs = (xs + layer.out.forward(&heard)?)?;
            xs = layer.mlp.forward(&xs)?;
        }
        Ok(Some(self.norm.forward(&xs)?))
    }
}

struct Decoder {
    embeddings: std::sync::Arc<candle_core::quantized::QTensor>,
    head: Linear,
    positions: Tensor,
    layers: Vec<DecoderLayer>,
    norm: LayerNorm,
    width: usize,
}

struct DecoderLayer {
    attention_norm: LayerNorm,
    qkv: Linear,
    out: Linear,
    cross_norm: LayerNorm,
    cross_q: Linear,
    cross_kv: Linear,
    cross_out: Linear,
    mlp: Mlp,
    width: usize,
}

impl Decoder {
    fn load(weights: &Weights, layers: usize, heads: usize, vocabulary: usize) -> Result<Self> {
        let width = heads * HEAD;
        let layers = (0..layers)
            .map(|n| {
                let name = format!("decoder/layer_{n}");
                Ok(DecoderLayer {
                    attention_norm: norm(weights, &format!("{name}/self_attention/layer_norm"))?,
                    qkv: linear(weights, &format!("{name}/self_attention/linear_0"))?,
                    out: linear(weights, &format!("{name}/self_attention/linear_1"))?,
                    cross_norm: norm(weights, &format!("{name}/attention/layer_norm"))?,
                    cross_q: linear(weights, &format!("{name}/attention/linear_0"))?,
                    cross_kv: linear(weights, &format!("{name}/attention/linear_1"))?,
                    cross_out: linear(weights, &format!("{name}/attention/linear_2"))?,
                    mlp: Mlp::load(weights, &name)?,
                    width,
                })
            })
            .collect::<Result<_>>()?;
        let embeddings = "decoder/embeddings/weight";
        Ok(Self {
            embeddings: std::sync::Arc::new(weights.matrix(embeddings)?),
            head: weights.linear(embeddings, vocabulary, None)?,
            positions: weights.plain("decoder/position_encodings/encodings")?,
            layers,
            norm: norm(weights, "decoder/layer_norm")?,
            width,
        })
    }

    fn forward(&self, listener: &mut Listener, tokens: &[u32]) -> Result<Tensor> {
        let count = tokens.len();
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let xs = self.embeddings.embedding(&ids)?.narrow(1, 0, self.width)?;
        let mut xs = (xs + self.positions.narrow(0, listener.position, count)?)?;
        let mask = if count > 1 {
            Some(causal_mask(listener.position, count)?)
        } else {
            None
        };
        for (layer, state) in self.layers.iter().zip(&mut listener.layers) {
            let qkv = layer.qkv.forward(&layer.attention_norm.forward(&xs)?)?;
            let part = |n: usize| heads(&qkv.narrow(1, n * self.width, self.width)?);
            let keys = append(&mut state.keys, part(1)?)?;
            let values = append(&mut state.values, part(2)?)?;
            let said = attention(&part(0)?, &keys, &values, mask.as_ref())?;
            xs = (xs + layer.out.forward(&said)?)?;

            let query = heads(&layer.cross_q.forward(&layer.cross_norm.forward(&xs)?)?)?;
            let heard = attention(&query, &state.cross_keys, &state.cross_values, None)?;
            xs = (xs + layer.cross_out.forward(&heard)?)?;
            xs = layer.mlp.forward(&xs)?;
        }
        listener.position += count;
        let xs = self.norm.forward(&xs)?;
        // row by row: the kernel for a single row needs no packed copy of the head
        let rows: Vec<_> = (0..count)
            .map(|n| self.head.forward(&xs.narrow(0, n, 1)?))
            .collect::<Result<_>>()?;
        Tensor::cat(&rows, 0)
    }
}

struct Mlp {
    norm: LayerNorm,
    up: Linear,
    down: Linear,
}

impl Mlp {
    fn load(weights: &Weights, layer: &str) -> Result<Self> {
        Ok(Self {
            norm: norm(weights, &format!("{layer}/ffn/layer_norm"))?,
            up: linear(weights, &format!("{layer}/ffn/linear_0"))?,
            down: linear(weights, &format!("{layer}/ffn/linear_1"))?,
        })
    }

    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let up = self.up.forward(&self.norm.forward(xs)?)?.gelu_erf()?;
        xs + self.down.forward(&up)?
    }
}

fn norm(weights: &Weights, name: &str) -> Result<LayerNorm> {
    let gamma = weights.plain(&format!("{name}/gamma"))?;
    Ok(LayerNorm::new(
        gamma,
        weights.plain(&format!("{name}/beta"))?,
        EPSILON,
    ))
}

fn linear(weights: &Weights, name: &str) -> Result<Linear> {
    let bias = weights.plain(&format!("{name}/bias"))?;
    weights.linear(&format!("{name}/weight"), bias.dim(0)?, Some(bias))
}

/// `[frames, heads · HEAD]` to `[heads, frames, HEAD]`.
fn heads(xs: &Tensor) -> Result<Tensor> {
    let (frames, width) = xs.dims2()?;
    xs.reshape((frames, width / HEAD, HEAD))?
        .transpose(0, 1)?
        .contiguous()
}

/// Scaled dot-product attention over `[heads, frames, HEAD]`, back to
/// `[frames, heads · HEAD]`.
fn attention(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let scores = (q * (HEAD as f64).powf(-0.5))?.matmul(&k.t()?)?;
    let scores = match mask {
        Some(mask) => scores.broadcast_add(mask)?,
        None => scores,
    };
    let out = ops::softmax_last_dim(&scores)?.matmul(v)?;
    out.transpose(0, 1)?.flatten_from(1)
}

fn append(cache: &mut Option<Tensor>, new: Tensor) -> Result<Tensor> {
    let all = match cache.take() {
        Some(old) => Tensor::cat(&[&old, &new], D::Minus2)?,
        None => new,
    };
    *cache = Some(all.clone());
    Ok(all)
}

/// 0 where a token may attend, -inf where it may not: `count` new tokens after `past`.
fn causal_mask(past: usize, count: usize) -> Result<Tensor> {
    let mask: Vec<f32> = (0..count)
        .flat_map(|row| {
            (0..past + count).map(move |col| {
                if col <= past + row {
                    0.0
                } else {
                    f32::NEG_INFINITY
                }
            })
        })
        .collect();
    Tensor::from_vec(mask, (count, past + count), &Device::Cpu)
}
