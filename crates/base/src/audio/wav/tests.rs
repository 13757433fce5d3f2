use super::*;
use hound::Sample;

const SPEC: WavSpec = WavSpec {
    channels: 1,
    sample_rate: 16_000,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

fn file<S: Sample>(spec: WavSpec, samples: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// A 500 Hz sine at half of full scale: -9.03 dBFS.
fn tone(rate: u32, seconds: f64) -> impl Iterator<Item = f64> {
    let step = 500.0 * std::f64::consts::TAU / f64::from(rate);
    (0..(f64::from(rate) * seconds) as u32).map(move |n| (f64::from(n) * step).sin() * 0.5)
}

#[track_caller]
fn is_the_tone(bytes: &[u8]) {
    let mut pcm = parse::<16_000>(bytes).unwrap();
    assert_eq!(pcm.len(), 16_000);
    pcm.take_front(1_600);
    let middle = pcm.take_front(12_800);
    let level = middle.level_dbfs().unwrap();
    assert!((level + 9.03).abs() < 0.1, "level {level}");
    let rising = middle
        .samples()
        .windows(2)
        .filter(|w| w[0] < 0 && w[1] >= 0)
        .count();
    assert!(rising.abs_diff(400) <= 1, "{rising} periods in 0.8 s");
}

#[test]
fn every_depth_rate_and_channel_count_is_the_same_sound() {
    for sample_rate in [
        8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000,
    ] {
        for channels in [1u16, 2] {
            let spec = |bits_per_sample, sample_format| WavSpec {
                channels,
                sample_rate,
                bits_per_sample,
                sample_format,
            };
            let samples = |scale: f64| {
                let per_frame = move |s: f64| {
                    std::iter::repeat_n((s * scale).round() as i32, channels as usize)
                };
                tone(sample_rate, 1.0).flat_map(per_frame)
            };
            use SampleFormat::{Float, Int};
            is_the_tone(&file(spec(8, Int), samples(127.0)));
            is_the_tone(&file(spec(16, Int), samples(32_767.0)));
            is_the_tone(&file(spec(24, Int), samples(8_388_607.0)));
            is_the_tone(&file(spec(32, Int), samples(2_147_483_647.0)));
            let floats = samples(1e9).map(|s| (f64::from(s) / 1e9) as f32);
            is_the_tone(&file(spec(32, Float), floats));
        }
    }
}

#[test]
fn two_channels_are_mixed() {
    let stereo = WavSpec {
        channels: 2,
        ..SPEC
    };
    let pcm = parse::<16_000>(&file(stereo, [1000i16, 3000].repeat(100))).unwrap();
    assert_eq!(pcm.samples(), [2000; 100]);
}

#[test]
fn a_streamed_header_without_a_length_reads_to_the_end() {
    for length in [0u32, u32::MAX] {
        let mut bytes = file(SPEC, tone(16_000, 1.0).map(|s| (s * 32_767.0) as i16));
        bytes[40..44].copy_from_slice(&length.to_le_bytes());
        is_the_tone(&bytes);
    }
}

#[test]
fn chunks_around_the_sound_are_skipped() {
    let good = file(SPEC, tone(16_000, 1.0).map(|s| (s * 32_767.0) as i16));
    let tag = b"LIST\x05\0\0\0INFO.\0";
    is_the_tone(&[&good[..12], tag, &good[12..], tag].concat());
}

#[test]
fn floats_out_of_range_are_held_and_nonsense_is_silence() {
    let spec = WavSpec {
        bits_per_sample: 32,
        sample_format: SampleFormat::Float,
        ..SPEC
    };
    let pcm = parse::<16_000>(&file(spec, [7.0f32, -7.0, f32::NAN, f32::INFINITY])).unwrap();
    assert_eq!(pcm.samples(), [i16::MAX, i16::MIN, 0, 0]);
}

#[test]
fn broken_files_say_what_is_wrong() {
    let good = file(SPEC, [0i16; 100]);
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        bad
    };
    let cases = [
        (
            "is not a WAV file",
            b"ID3 this is an mp3, honestly".to_vec(),
        ),
        ("is not a WAV file", Vec::new()),
        ("is cut off before its sound begins", good[..12].to_vec()),
        ("is cut off before its sound begins", good[..30].to_vec()),
        ("is cut off before its sound begins", good[..40].to_vec()),
        (
            "is cut off: its header promises 200 bytes of sound, it holds 100",
            good[..144].to_vec(),
        ),
        ("has no format", [&good[..12], &good[36..]].concat()),
        (
            "`fmt ` is too short",
            with(16, &[4, 0, 0, 0, 1, 0, 1, 0, b'd', b'a', b't', b'a']),
        ),
        (
            "a sample rate of 0 Hz; 4000 to 384000 Hz is possible",
            with(24, &[0; 8]),
        ),
        ("0 channels in 2 bytes", with(22, &[0, 0])),
        ("3 channels in 2 bytes", with(22, &[3, 0])),
        ("is compressed (format 0x0055)", with(20, &[0x55, 0])),
        ("has 12-bit samples", with(34, &[12, 0])),
    ];
    for (expected, bytes) in cases {
        let error = parse::<16_000>(&bytes).unwrap_err();
        assert!(
            error.contains(expected),
            "expected {expected:?}, got {error:?}"
        );
    }
}

#[test]
fn errors_name_the_file() {
    let error = read::<16_000>(Path::new("/nowhere/hello.wav"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/nowhere/hello.wav: cannot be read: "),
        "{error}"
    );
    let error = Writer::<16_000>::create(Path::new("/nowhere/hello.wav"))
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/hello.wav: cannot be created: "),
        "{error}"
    );
}

#[test]
fn what_is_written_is_read_back() {
    let folder = std::env::temp_dir().join(format!("sidetone-wav-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("out.wav");
    let pcm = Pcm::<24_000>::new((0..2400).map(|n| n * 10).collect());
    write(&path, &pcm).unwrap();
    assert_eq!(read::<24_000>(&path).unwrap(), pcm);
    assert_eq!(std::fs::read(&path).unwrap(), encode(&pcm));

    let mut writer = Writer::<24_000>::create(&path).unwrap();
    writer.push(&pcm).unwrap();
    writer.push(&pcm).unwrap();
    assert_eq!(writer.duration(), Duration::from_millis(200));
    drop(writer); // as when a call is aborted
    assert_eq!(read::<24_000>(&path).unwrap(), Pcm::concat([&pcm, &pcm]));
    std::fs::remove_dir_all(&folder).unwrap();
}
