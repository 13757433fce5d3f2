use super::*;

fn tone(rate: u32, seconds: f32, hz: f32) -> Vec<f32> {
    let count = (rate as f32 * seconds) as usize;
    (0..count)
        .map(|n| 0.5 * (n as f32 / rate as f32 * hz * std::f32::consts::TAU).sin())
        .collect()
}

fn hound(spec: hound::WavSpec, samples: &[f32]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for sample in samples {
        for _ in 0..spec.channels {
            match spec.sample_format {
                hound::SampleFormat::Float => writer.write_sample(*sample).unwrap(),
                hound::SampleFormat::Int => {
                    let full = (1i64 << (spec.bits_per_sample - 1)) as f32;
                    writer.write_sample((sample * full) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// The share of the signal's power at `hz`.
fn purity(samples: &[f32], rate: f32, hz: f32) -> f32 {
    let (mut re, mut im, mut power) = (0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = n as f32 / rate * hz * std::f32::consts::TAU;
        (re, im) = (re + sample * angle.cos(), im + sample * angle.sin());
        power += sample * sample;
    }
    2.0 * (re * re + im * im) / samples.len() as f32 / power
}

#[test]
fn a_stream_is_converted_as_a_clip_is() {
    let clip = tone(22_050, 0.5, 440.0);
    let ratio = 24_000.0 / (22_050.0 * 1.07);
    let whole = Resampler::convert(ratio, &clip).unwrap();
    assert_eq!(whole.len(), (clip.len() as f64 * ratio).ceil() as usize);
    let mut resampler = Resampler::new(ratio).unwrap();
    let mut parts = Vec::new();
    for part in clip.chunks(700) {
        parts.extend(resampler.push(part).unwrap());
    }
    parts.extend(resampler.finish().unwrap());
    assert_eq!(parts.len(), whole.len());
    let apart = parts.iter().zip(&whole).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-4);
}

#[test]
fn every_usual_wav_is_read() {
    for (sample_rate, channels, bits_per_sample, sample_format) in [
        (8_000, 1, 16, hound::SampleFormat::Int),
        (44_100, 2, 24, hound::SampleFormat::Int),
        (48_000, 1, 32, hound::SampleFormat::Float),
        (16_000, 2, 8, hound::SampleFormat::Int),
        (22_050, 1, 32, hound::SampleFormat::Int),
    ] {
        let spec = hound::WavSpec {
            channels,
            sample_rate,
            bits_per_sample,
            sample_format,
        };
        let bytes = hound(spec, &tone(sample_rate, 1.0, 440.0));
        let samples = read_wav(&bytes, 16_000).unwrap();
        assert!(
            (15_990..=16_010).contains(&samples.len()),
            "{spec:?}: {}",
            samples.len()
        );
        assert!(purity(&samples, 16_000.0, 440.0) > 0.99, "{spec:?}");
    }
}

#[test]
fn a_streamed_header_is_read_and_garbage_is_not() {
    let samples: Vec<i16> = (0..1000).collect();
    let mut bytes = wav(&samples, 24_000);
    bytes[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(read_wav(&bytes, 24_000).unwrap().len(), 1000);
    for garbage in [&b""[..], b"RIFF", b"not audio at all", &bytes[..30]] {
        assert!(read_wav(garbage, 16_000).is_err());
    }
    // a sample that is not a number
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    assert!(read_wav(&hound(spec, &[f32::NAN]), 16_000).is_err());
}

#[test]
fn opus_in_ogg_keeps_tone_and_length() {
    let tone: Vec<i16> = tone(24_000, 1.0, 440.0)
        .into_iter()
        .map(|s| (s * 32767.0) as i16)
        .collect();
    let mut ogg = OggOpus::new(7).unwrap();
    let mut file = ogg.take();
    for part in tone.chunks(1000) {
        ogg.push(part).unwrap();
        file.extend(ogg.take());
    }
    ogg.finish().unwrap();
    file.extend(ogg.take());

    let mut reader = ogg::PacketReader::new(Cursor::new(file));
    let head = reader.read_packet().unwrap().unwrap().data;
    assert!(head.starts_with(b"OpusHead"));
    let skip = usize::from(u16::from_le_bytes([head[10], head[11]]));
    assert!(
        reader
            .read_packet()
            .unwrap()
            .unwrap()
            .data
            .starts_with(b"OpusTags")
    );
    let mut decoder = opus::Decoder::new(48_000, Channels::Mono).unwrap();
    let mut decoded = Vec::new();
    let mut end = 0;
    while let Some(packet) = reader.read_packet().unwrap() {
        let mut frame = [0f32; 5760];
        let count = decoder
            .decode_float(&packet.data, &mut frame, false)
            .unwrap();
        decoded.extend_from_slice(&frame[..count]);
        end = packet.absgp_page() as usize;
    }
    assert_eq!(end - skip, 48_000);
    assert!(decoded.len() >= end);
    assert!(purity(&decoded[skip..end], 48_000.0, 440.0) > 0.95);
}
