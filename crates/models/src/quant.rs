//! Quantised weights: made once, kept in the cache folder, mapped into memory.
//!
//! Two things make candle's fast kernels usable. Their inner dimension must be a multiple of 256 and their outer one
//! of 16, so matrices are padded with zeros when they are quantised, and activations when they are used. And the
//! kernels work on their own packed copy of a matrix, made at its first use; because the file is mapped rather than
//! read, the system can then drop the original's pages.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufWriter;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::k_quants::{self, BlockQ4K, BlockQ6K, GgmlType};
use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor, QuantizedType};
use candle_core::{CpuStorage, D, Device, Module, Result, Tensor, bail};
use memmap2::Mmap;

/// Inner dimensions are padded to this: a K-quant's super-block.
const INNER: usize = 256;
/// Outer dimensions are padded to this: the rows of a packed tile.
const OUTER: usize = 16;

/// Rows quantised at once; a multiple of [`OUTER`].
const SLICE: usize = 1024;

/// Collects tensors and writes them as one GGUF file.
#[derive(Default)]
pub(crate) struct Builder {
    metadata: Vec<(String, Value)>,
    tensors: Vec<(String, QTensor)>,
}

impl Builder {
    /// Adds a metadata value.
    pub(crate) fn metadata(&mut self, name: &str, value: Value) {
        self.metadata.push((name.to_owned(), value));
    }

    /// Quantises a matrix `[outer, inner]` for [`Linear`], padding both dimensions.
    pub(crate) fn matrix(&mut self, name: &str, matrix: &Tensor, dtype: GgmlDType) -> Result<()> {
        let (outer, inner) = matrix.dims2()?;
        let padding = inner.next_multiple_of(INNER) - inner;
        // blocks are laid out row by row, so ranges of rows can be made separately: by several threads, and with
        // little memory for intermediate results
        let quantise = |start: usize| {
            let rows = SLICE.min(outer - start);
            // `force_contiguous`: quantising ignores the layout of a view
            let padded = matrix
                .narrow(0, start, rows)?
                .pad_with_zeros(1, 0, padding)?
                .pad_with_zeros(0, 0, rows.next_multiple_of(OUTER) - rows)?
                .force_contiguous()?;
            Ok(QTensor::quantize(&padded, dtype)?.data()?.into_owned())
        };
        let starts: Vec<usize> = (0..outer).step_by(SLICE).collect();
        let threads = crate::compute::most_threads();
        let slices: Vec<Result<Vec<u8>>> = std::thread::scope(|scope| {
            let workers: Vec<_> = starts
                .chunks(starts.len().div_ceil(threads))
                .map(|starts| {
                    scope.spawn(move || {
                        starts
                            .iter()
                            .map(|start| quantise(*start))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| match worker.join() {
                Ok(slices) => slices,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            workers.into_iter().flat_map(join).collect()
        });
        let bytes = slices.into_iter().collect::<Result<Vec<_>>>()?.concat();
        let storage = QStorage::from_data(Cow::Owned(bytes), &Device::Cpu, dtype)?;
        let shape = (outer.next_multiple_of(OUTER), inner + padding);
        self.quantised(name, QTensor::new(storage, shape)?);
        Ok(())
    }

    /// Adds a matrix that is already quantised and padded.
    pub(crate) fn quantised(&mut self, name: &str, matrix: QTensor) {
        self.tensors.push((name.to_owned(), matrix));
    }

    /// Adds a tensor unquantised, in f32.
    pub(crate) fn plain(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let tensor = tensor.force_contiguous()?;
        self.tensors
            .push((name.to_owned(), QTensor::quantize(&tensor, GgmlDType::F32)?));
        Ok(())
    }

    /// Writes the file atomically: it is either complete or not there.
    pub(crate) fn write(self, path: &Path) -> Result<()> {
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
        let metadata: Vec<_> = self
            .metadata
            .iter()
            .map(|(name, value)| (&name[..], value))
            .collect();
        let tensors: Vec<_> = self
            .tensors
            .iter()
            .map(|(name, tensor)| (&name[..], tensor))
            .collect();
        gguf_file::write(&mut out, &metadata, &tensors)?;
        out.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        std::fs::rename(&partial, path)?;
        Ok(())
    }
}

/// A file written by [`Builder`], mapped into memory.
pub(crate) struct Weights {
    map: Arc<Mmap>,
    content: Content,
}

impl Weights {
    /// Maps the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path)?;
        let content = Content::read(&mut file)?;
        // SAFETY: files in the cache folder are put there complete by a rename and never changed in place, so the
        // mapping's content does not change.
        let map = Arc::new(unsafe { Mmap::map(&file)? });
        Ok(Self { map, content })
    }

    /// The metadata value with this name.
    pub(crate) fn metadata(&self, name: &str) -> Result<&Value> {
        match self.content.metadata.get(name) {
            Some(value) => Ok(value),
            None => bail!("there is no {name}"),
        }
    }

    /// The header, with all metadata.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// A tensor added with [`Builder::plain`].
    pub(crate) fn plain(&self, name: &str) -> Result<Tensor> {
        let mut file = std::io::Cursor::new(&self.map[..]);
        self.content
            .tensor(&mut file, name, &Device::Cpu)?
            .dequantize(&Device::Cpu)
    }

    /// A matrix added with [`Builder::matrix`], whose unpadded outer dimension is `outer`.
    pub(crate) fn linear(&self, name: &str, outer: usize, bias: Option<Tensor>) -> Result<Linear> {
        let weight = self.matrix(name)?;
        let (rows, inner) = weight.shape().dims2()?;
        if rows != outer.next_multiple_of(OUTER) {
            bail!("{name} has {rows} rows, expected {outer} padded");
        }
        Ok(Linear {
            weight: QMatMul::from_qtensor(weight)?,
            bias,
            inner,
            outer,
        })
    }

    /// A quantised matrix, in place in the mapped file.
    pub(crate) fn matrix(&self, name: &str) -> Result<QTensor> {
        let Some(info) = self.content.tensor_infos.get(name) else {
            bail!("there is no {name}");
        };
        let elements = info.shape.elem_count();
        let start = (self.content.tensor_data_offset + info.offset) as usize;
        let bytes = elements / info.ggml_dtype.block_size() * info.ggml_dtype.type_size();
        let storage: Box<dyn QuantizedType> = match info.ggml_dtype {
            GgmlDType::Q4K => Box::new(Mapped::<BlockQ4K>::new(&self.map, start, bytes)?),
            GgmlDType::Q6K => Box::new(Mapped::<BlockQ6K>::new(&self.map, start, bytes)?),
            other => bail!("{name} is of type {other:?}, which no matrix here has"),
        };
        QTensor::new(QStorage::Cpu(storage), info.shape.clone())
    }

    /// Lets the system reclaim the memory of pages that were read. They are read from the file again if needed, which
    /// after the first use applies only to matrices without a packed copy.
    pub(crate) fn release(&self) {
        #[cfg(unix)]
        // SAFETY: the mapping is file-backed and never written, so dropped pages come back with the same content.
        let _ = unsafe {
            self.map
                .unchecked_advise(memmap2::UncheckedAdvice::DontNeed)
        };
    }
}

/// y = x·Wᵀ + b with a quantised, padded W.
pub(crate) struct Linear {
    weight: QMatMul,
    bias: Option<Tensor>,
    inner: usize,
    outer: usize,
}

impl Linear {
    /// `[…, inner]` to `[…, outer]`.
    pub(crate) fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let width = xs.dim(D::Minus1)?;
        let ys = if width == self.inner {
            self.weight.forward(xs)?
        } else {
            self.weight
                .forward(&xs.pad_with_zeros(D::Minus1, 0, self.inner - width)?)?
        };
        let ys = if ys.dim(D::Minus1)? == self.outer {
            ys
        } else {
            ys.narrow(D::Minus1, 0, self.outer)?.contiguous()?
        };
        match &self.bias {
            Some(bias) => ys.broadcast_add(bias),
            None => Ok(ys),
        }
    }
}

/// Blocks of a quantised matrix inside a mapped file.
struct Mapped<T> {
    map: Arc<Mmap>,
    start: usize,
    blocks: usize,
    kind: PhantomData<T>,
}

impl<T: GgmlType> Mapped<T> {
    fn new(map: &Arc<Mmap>, start: usize, bytes: usize) -> Result<Self> {
        let size = size_of::<T>();
        let inside = start.checked_add(bytes).is_some_and(|end| end <= map.len());
        let aligned = (map.as_ptr() as usize + start).is_multiple_of(align_of::<T>());
        if !inside || !aligned || !bytes.is_multiple_of(size) {
            bail!("a matrix lies outside its file or off its alignment");
        }
        Ok(Self {
            map: map.clone(),
            start,
            blocks: bytes / size,
            kind: PhantomData,
        })
    }

    fn blocks(&self) -> &[T] {
        // SAFETY: `new` checked bounds, size and alignment; the map lives as long as `self`; and a block consists of
        // plain numbers, valid for any bytes.
        unsafe {
            let first = self.map.as_ptr().add(self.start).cast::<T>();
            std::slice::from_raw_parts(first, self.blocks)
        }
    }
}

impl<T: GgmlType + Send + Sync> QuantizedType for Mapped<T> {
    fn dtype(&self) -> GgmlDType {
        T::DTYPE
    }

    fn matmul_t(&self, mkn: (usize, usize, usize), lhs: &[f32], dst: &mut [f32]) -> Result<()> {
        k_quants::matmul(mkn, lhs, self.blocks(), dst)
    }

    fn matmul_t_f16(
        &self,
        mkn: (usize, usize, usize),
        lhs: &[half::f16],
        dst: &mut [half::f16],
    ) -> Result<()> {
        k_quants::matmul_f16(mkn, lhs, self.blocks(), dst)
    }

    fn embedding(&self, ids: &[u32], rows: usize, hidden: usize) -> Result<CpuStorage> {
        let per_row = hidden / T::BLCK_SIZE;
        let mut out = vec![0f32; ids.len() * hidden];
        for (row, &id) in out.chunks_exact_mut(hidden).zip(ids) {
            let id = id as usize;
            if id >= rows {
                bail!("token {id} is not in the vocabulary of {rows}");
            }
            T::to_float(&self.blocks()[id * per_row..(id + 1) * per_row], row);
        }
        Ok(CpuStorage::F32(out))
    }

    fn dequantize(&self, elements: usize) -> Result<CpuStorage> {
        let mut out = vec![0f32; elements];
        T::to_float(self.blocks(), &mut out);
        Ok(CpuStorage::F32(out))
    }

    fn storage_size_in_bytes(&self) -> usize {
        self.blocks * size_of::<T>()
    }

    fn as_ptr(&self) -> *const u8 {
        self.blocks().as_ptr().cast()
    }

    fn block_size(&self) -> usize {
        T::BLCK_SIZE
    }

    fn from_float(&mut self, _: &[f32]) {
        unreachable!("mapped weights are never written")
    }

    fn from_float_imatrix(&mut self, _: &[f32], _: &[f32], _: usize) {
        unreachable!("mapped weights are never written")
    }

    fn size(&self) -> usize {
        self.storage_size_in_bytes()
    }
}

#[cfg(test)]
mod tests;
