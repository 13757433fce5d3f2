//! What was computed for a conversation; can be truncated.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::shape::{CONTEXT, Shape};

/// Keys and values grow in steps of this many tokens.
pub(super) const GROWTH: usize = 256;

/// What the network remembers of a conversation: its tokens, and their keys and values in each layer as `[kv heads,
/// capacity, width]`.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) tokens: Vec<u32>,
    pub(super) layers: Vec<(Tensor, Tensor)>,
    capacity: usize,
}

impl Memory {
    /// The tokens remembered.
    pub(super) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The length of the common prefix with `tokens`.
    pub(super) fn common(&self, tokens: &[u32]) -> usize {
        self.tokens
            .iter()
            .zip(tokens)
            .take_while(|(a, b)| a == b)
            .count()
    }

    /// Forgets everything after the first `count` tokens.
    pub(super) fn truncate(&mut self, count: usize) {
        self.tokens.truncate(count);
    }

    /// Replaces this memory with the first `count` tokens of another.
    pub(super) fn copy_from(&mut self, other: &Self, count: usize) -> Result<()> {
        self.tokens.clear();
        self.layers.clear();
        self.capacity = 0;
        if count == 0 {
            return Ok(());
        }
        self.layers = resized(&other.layers, count, count.next_multiple_of(GROWTH))?;
        self.capacity = count.next_multiple_of(GROWTH);
        self.tokens.extend_from_slice(&other.tokens[..count]);
        Ok(())
    }

    /// Makes room for `needed` tokens.
    pub(super) fn grow(&mut self, needed: usize, layers: usize, shape: Shape) -> Result<()> {
        if needed > CONTEXT {
            bail!("the conversation is longer than {CONTEXT} tokens");
        }
        if needed <= self.capacity {
            return Ok(());
        }
        let capacity = needed.next_multiple_of(GROWTH);
        self.layers = if self.layers.is_empty() {
            let empty = || {
                Tensor::zeros(
                    (shape.kv_heads, capacity, shape.width),
                    DType::F32,
                    &Device::Cpu,
                )
            };
            (0..layers)
                .map(|_| Ok((empty()?, empty()?)))
                .collect::<Result<_>>()?
        } else {
            resized(&self.layers, self.tokens.len(), capacity)?
        };
        self.capacity = capacity;
        Ok(())
    }
}

/// The keys and values of the first `count` tokens, in tensors with room for `capacity`.
fn resized(
    layers: &[(Tensor, Tensor)],
    count: usize,
    capacity: usize,
) -> Result<Vec<(Tensor, Tensor)>> {
    let resize = |old: &Tensor| {
        let (heads, _, width) = old.dims3()?;
        let new = Tensor::zeros((heads, capacity, width), DType::F32, &Device::Cpu)?;
        if count > 0 {
            new.slice_set(&old.narrow(1, 0, count)?.contiguous()?, 1, 0)?;
        }
        Ok::<_, candle_core::Error>(new)
    };
    layers
        .iter()
        .map(|(keys, values)| Ok((resize(keys)?, resize(values)?)))
        .collect()
}
