use super::*;

fn offer(
    channels: u16,
    rates: (u32, u32),
    format: SampleFormat,
    buffers: SupportedBufferSize,
) -> SupportedStreamConfigRange {
    SupportedStreamConfigRange::new(channels, rates.0, rates.1, buffers, format)
}

#[test]
fn the_rate_comes_first_then_the_format_then_the_channels() {
    let wide = SupportedBufferSize::Range { min: 64, max: 4096 };
    let unknown = SupportedBufferSize::Unknown;
    let offers = [
        offer(1, (8_000, 44_100), SampleFormat::F32, wide),
        offer(8, (48_000, 96_000), SampleFormat::I16, wide),
        offer(2, (48_000, 48_000), SampleFormat::I16, wide),
        offer(1, (48_000, 48_000), SampleFormat::F64, unknown),
    ];
    let (config, format) = best(&offers).unwrap();
    assert_eq!((config.channels, config.sample_rate), (2, 48_000));
    assert_eq!(format, SampleFormat::I16);
    assert_eq!(config.buffer_size, BufferSize::Fixed(480));
    // A telephone headset.
    let slow = [offer(1, (8_000, 16_000), SampleFormat::I16, unknown)];
    let (config, _) = best(&slow).unwrap();
    assert_eq!(config.sample_rate, 16_000);
    assert_eq!(config.buffer_size, BufferSize::Default);
    assert!(best(&offers[3..]).is_none());
}
