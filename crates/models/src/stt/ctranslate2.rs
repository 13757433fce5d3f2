//! Reads weights in CTranslate2's binary layout, version 6.
//!
//! The layout, from CTranslate2's model converter (`model_spec.py`): version, specification name, revision, then each
//! variable as name, rank, dimensions, data type, size and bytes, then aliases. Numbers are little-endian; strings
//! have a 16-bit length and a terminating zero.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, bail};

/// CTranslate2's numbers of data types.
const FLOAT32: u8 = 0;
const FLOAT16: u8 = 4;

/// The variables of a model file.
pub(super) struct Variables<'a> {
    variables: HashMap<String, Variable<'a>>,
}

struct Variable<'a> {
    shape: Vec<usize>,
    kind: u8,
    bytes: &'a [u8],
}

impl<'a> Variables<'a> {
    pub(super) fn parse(file: &'a [u8]) -> Result<Self> {
        let mut reader = Reader { rest: file };
        let version = reader.u32()?;
        if version != 6 {
            bail!("the file is of layout version {version}, 6 is expected");
        }
        reader.string()?; // specification
        reader.u32()?; // its revision
        let count = reader.u32()?;
        let mut variables = HashMap::new();
        for _ in 0..count {
            let name = reader.string()?;
            let rank = reader.u8()?;
            let shape = (0..rank)
                .map(|_| Ok(reader.u32()? as usize))
                .collect::<Result<_>>()?;
            let kind = reader.u8()?;
            let size = reader.u32()? as usize;
            variables.insert(
                name,
                Variable {
                    shape,
                    kind,
                    bytes: reader.take(size)?,
                },
            );
        }
        Ok(Self { variables })
    }

    /// A float variable, as f32.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor> {
        let Some(Variable { shape, kind, bytes }) = self.variables.get(name) else {
            bail!("there is no {name}");
        };
        let dtype = match *kind {
            FLOAT32 => DType::F32,
            FLOAT16 => DType::F16,
            other => bail!("{name} is of type {other}, float is expected"),
        };
        Tensor::from_raw_buffer(bytes, dtype, shape, &Device::Cpu)?.to_dtype(DType::F32)
    }

    /// A 16-bit number.
    pub(super) fn number(&self, name: &str) -> Result<usize> {
        match self.variables.get(name) {
            Some(Variable {
                bytes: [low, high], ..
            }) => Ok(usize::from(u16::from_le_bytes([*low, *high]))),
            _ => bail!("there is no number {name}"),
        }
    }

    /// The number of layers in this half of the model.
    pub(super) fn layers(&self, half: &str) -> usize {
        (0..)
            .take_while(|n| {
                self.variables
                    .contains_key(&format!("{half}/layer_{n}/ffn/linear_0/weight"))
            })
            .count()
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            bail!("the file ends too early");
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn string(&mut self) -> Result<String> {
        let length = u16::from_le_bytes(self.array()?);
        let bytes = self.take(usize::from(length))?;
        Ok(String::from_utf8_lossy(bytes)
            .trim_end_matches('\0')
            .to_owned())
    }
}
