//! Converts the official weights to ours.

use std::path::Path;

use candle_core::Result;
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;

use super::ctranslate2::Variables;
use crate::quant::Builder;

/// Quantises CTranslate2 weights into a file for [`Whisper::load`](super::model::Whisper::load).
pub(super) fn convert(from: &Path, to: &Path) -> Result<()> {
    let file = std::fs::read(from)?;
    let variables = Variables::parse(&file)?;
    let mut out = Builder::default();
    let (encoder, decoder) = (variables.layers("encoder"), variables.layers("decoder"));
    out.metadata("encoder.layers", Value::U32(encoder as u32));
    out.metadata("decoder.layers", Value::U32(decoder as u32));
    out.metadata(
        "heads",
        Value::U32(variables.number("encoder/num_heads")? as u32),
    );

    let plain = |out: &mut Builder, name: &str| out.plain(name, &variables.tensor(name)?);
    let linear = |out: &mut Builder, name: &str| {
        let bias = format!("{name}/bias");
        out.plain(&bias, &variables.tensor(&bias)?)?;
        let weight = format!("{name}/weight");
        out.matrix(&weight, &variables.tensor(&weight)?, GgmlDType::Q4K)
    };
    for conv in ["encoder/conv1", "encoder/conv2"] {
        plain(&mut out, &format!("{conv}/weight"))?;
        plain(&mut out, &format!("{conv}/bias"))?;
    }
    for half in ["encoder", "decoder"] {
        plain(&mut out, &format!("{half}/position_encodings/encodings"))?;
        for layer in 0..if half == "encoder" { encoder } else { decoder } {
            let layer = format!("{half}/layer_{layer}");
            let mut blocks = vec![("self_attention", 2), ("ffn", 2)];
            if half == "decoder" {
                blocks.push(("attention", 3));
            }
            for (block, linears) in blocks {
                plain(&mut out, &format!("{layer}/{block}/layer_norm/gamma"))?;
                plain(&mut out, &format!("{layer}/{block}/layer_norm/beta"))?;
                for n in 0..linears {
                    linear(&mut out, &format!("{layer}/{block}/linear_{n}"))?;
                }
            }
        }
        plain(&mut out, &format!("{half}/layer_norm/gamma"))?;
        plain(&mut out, &format!("{half}/layer_norm/beta"))?;
    }
    let embeddings = variables.tensor("decoder/embeddings/weight")?;
    out.metadata("vocabulary", Value::U32(embeddings.dim(0)? as u32));
    out.matrix("decoder/embeddings/weight", &embeddings, GgmlDType::Q6K)?;
    out.write(to)
}
