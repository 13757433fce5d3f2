use super::*;

#[test]
fn a_padded_matrix_multiplies_as_the_plain_one() {
    let dir = crate::testing::TempDir::new();
    let path = dir.path().join("w.gguf");
    // more rows than are quantised at once, and neither side a round number
    let outer = 2 * SLICE + 40;
    let w = Tensor::randn(0f32, 1.0, (outer, 300), &Device::Cpu).unwrap();
    let mut builder = Builder::default();
    builder.matrix("w", &w, GgmlDType::Q6K).unwrap();
    builder.plain("w.plain", &w).unwrap();
    builder.write(&path).unwrap();

    let weights = Weights::open(&path).unwrap();
    let linear = weights.linear("w", outer, None).unwrap();
    let plain = weights.plain("w.plain").unwrap();
    for rows in [1, 5, 40] {
        let x = Tensor::randn(0f32, 1.0, (rows, 300), &Device::Cpu).unwrap();
        let ours = linear.forward(&x).unwrap();
        weights.release();
        let exact = x.matmul(&plain.t().unwrap()).unwrap();
        let error = (ours - &exact).unwrap().sqr().unwrap().mean_all().unwrap();
        let scale = exact.sqr().unwrap().mean_all().unwrap();
        let relative = error.to_scalar::<f32>().unwrap() / scale.to_scalar::<f32>().unwrap();
        assert!(relative < 2e-3, "{rows} rows: relative error {relative}");
    }
}

#[test]
fn a_truncated_file_is_an_error() {
    let dir = crate::testing::TempDir::new();
    let path = dir.path().join("w.gguf");
    let mut builder = Builder::default();
    let w = Tensor::zeros((16, 256), candle_core::DType::F32, &Device::Cpu).unwrap();
    builder.matrix("w", &w, GgmlDType::Q4K).unwrap();
    builder.write(&path).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 100).unwrap();
    assert!(Weights::open(&path).unwrap().matrix("w").is_err());
}
