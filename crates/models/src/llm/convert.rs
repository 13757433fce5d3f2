//! Converts the official weights file to ours.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::quantized::gguf_file::Content;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Result, Tensor};

use super::model::number;
use crate::quant::Builder;

/// Requantises an official GGUF file for [`Qwen::load`](super::model::Qwen::load).
pub(super) fn convert(from: &Path, to: &Path) -> Result<()> {
    let mut file = BufReader::new(File::open(from)?);
    let content = Content::read(&mut file)?;
    let mut out = Builder::default();
    for (name, value) in &content.metadata {
        out.metadata(name, value.clone());
    }
    let mut read = |name: &str| content.tensor(&mut file, name, &Device::Cpu);
    // the largest first, while there is nothing else in memory
    for name in ["token_embd.weight", "output.weight"] {
        if content.tensor_infos.contains_key(name) {
            let matrix = read(name)?.dequantize(&Device::Cpu)?;
            out.matrix(name, &matrix, GgmlDType::Q6K)?;
        }
    }
    let layers = number(&content.metadata, "qwen2.block_count")?;
    for n in 0..layers {
        let name = |part: &str| format!("blk.{n}.{part}");
        let mut join = |out: &mut Builder, to: &str, parts: &[&str]| {
            let tensors: Vec<QTensor> = parts
                .iter()
                .map(|part| read(&name(&format!("{part}.weight"))))
                .collect::<Result<_>>()?;
            match join_quantised(&tensors)? {
                Some(joined) => out.quantised(&name(to), joined),
                None => out.matrix(&name(to), &join_plain(&tensors, 0)?, GgmlDType::Q4K)?,
            }
            Ok::<_, candle_core::Error>(())
        };
        join(&mut out, "qkv", &["attn_q", "attn_k", "attn_v"])?;
        join(&mut out, "out", &["attn_output"])?;
        join(&mut out, "gate_up", &["ffn_gate", "ffn_up"])?;
        join(&mut out, "down", &["ffn_down"])?;
        let biases = [
            read(&name("attn_q.bias"))?,
            read(&name("attn_k.bias"))?,
            read(&name("attn_v.bias"))?,
        ];
        out.plain(&name("qkv.bias"), &join_plain(&biases, 0)?)?;
        for norm in ["attn_norm.weight", "ffn_norm.weight"] {
            out.plain(&name(norm), &read(&name(norm))?.dequantize(&Device::Cpu)?)?;
        }
    }
    out.plain(
        "output_norm.weight",
        &read("output_norm.weight")?.dequantize(&Device::Cpu)?,
    )?;
    out.write(to)
}

/// Joins matrices row-wise bit by bit, if they all have the target's type and need no padding: requantising would lose
/// precision for nothing.
fn join_quantised(parts: &[QTensor]) -> Result<Option<QTensor>> {
    let mut bytes = Vec::new();
    let (mut outer, mut inner) = (0, 0);
    for part in parts {
        let (rows, columns) = part.shape().dims2()?;
        if part.dtype() != GgmlDType::Q4K || columns % 256 != 0 {
            return Ok(None);
        }
        (outer, inner) = (outer + rows, columns);
        bytes.extend_from_slice(&part.data()?);
    }
    if outer % 16 != 0 {
        return Ok(None);
    }
    let storage = QStorage::from_data(Cow::Owned(bytes), &Device::Cpu, GgmlDType::Q4K)?;
    QTensor::new(storage, (outer, inner)).map(Some)
}

fn join_plain(parts: &[QTensor], dim: usize) -> Result<Tensor> {
    let parts: Vec<Tensor> = parts
        .iter()
        .map(|part| part.dequantize(&Device::Cpu))
        .collect::<Result<_>>()?;
    Tensor::cat(&parts, dim)
}
