use super::*;
use sidetone_base::audio::{Resampler, wav};

fn format(mime: &str, rate: u32, channels: u32) -> Format {
    Format {
        mime: mime.into(),
        rate,
        channels,
    }
}

#[test]
fn what_a_browser_recorded_is_heard() {
    // Three seconds from Chromium's MediaRecorder, with `caller-opening-hours.wav` as its microphone.
    let bytes = include_bytes!("../../../../fixtures/audio/chromium-preconnect.webm");
    let sound = decode(&format("audio/webm;codecs=opus", 48_000, 1), bytes).unwrap();
    let length = sound.duration();
    assert!(
        (2_700..3_200).contains(&length.as_millis()),
        "{length:?} of sound"
    );
    assert!(sound.level_dbfs().unwrap() > -40.0);
}

#[test]
fn samples_are_mixed_and_resampled() {
    let frames = (0..48_000).flat_map(|_| [1_000i16, 3_000]);
    let bytes: Vec<u8> = frames.flat_map(i16::to_le_bytes).collect();
    let sound = decode(&format("audio/pcm", 48_000, 2), &bytes).unwrap();
    assert_eq!(sound.len(), 16_000);
    assert!((sound.samples()[8_000] - 2_000).abs() < 20);
}

/// A WebM file with one Opus track and these blocks.
fn webm(blocks: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1A, 0x45, 0xDF, 0xA3, 0x80];
    file.extend([0x18, 0x53, 0x80, 0x67, 0x01]);
    file.extend([0xFF; 7]);
    file.extend([0x16, 0x54, 0xAE, 0x6B, 0x8D, 0xAE, 0x8B, 0xD7, 0x81, 0x01]);
    file.extend([0x86, 0x86]);
    file.extend(b"A_OPUS");
    file.extend(blocks);
    file
}

fn decoded(bytes: &[u8]) -> Result<Pcm<16_000>, String> {
    decode(&format("audio/webm;codecs=opus", 48_000, 1), bytes)
}

#[test]
fn a_file_that_leads_its_reader_in_a_circle_is_refused() {
    const CIRCLE: &str = "1a45dfa39f4286810142f7810142f2810442f38108428284776562\
                              6d42878104428581021853806701ffffffffffffffbf8400000000";
    let digits = CIRCLE.as_bytes().chunks_exact(2);
    let bytes: Vec<u8> = digits
        .map(|hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap())
        .collect();
    assert_eq!(bytes.len(), 54);
    assert!(decoded(&bytes).is_err());
}

#[test]
fn empty_frames_are_no_minutes_of_sound() {
    // Xiph lacing: 256 frames without a single byte.
    let laced = webm(&[0xA3, 0x85, 0x81, 0, 0, 0x04, 0xFF].repeat(4_000));
    assert!(laced.len() > 28_000);
    assert!(decoded(&laced).is_err());
    let empty = webm(&[0xA3, 0x84, 0x81, 0, 0, 0].repeat(4_000));
    assert!(decoded(&empty).is_err());
}

#[test]
fn no_more_than_fifteen_seconds_are_decoded() {
    // Packets of one byte: 60 ms of silence each, forty minutes in all.
    let long = webm(&[0xA3, 0x85, 0x81, 0, 0, 0x80, 0x18].repeat(40_000));
    assert_eq!(decoded(&long).unwrap().duration(), LONGEST);
    let samples = vec![0; 2 * 8_000 * 60];
    let sound = decode(&format("audio/pcm", 8_000, 1), &samples).unwrap();
    assert_eq!(sound.duration(), LONGEST);
}

#[test]
fn damage_is_reported() {
    let refused = |mime: &str, bytes: &[u8]| decode(&format(mime, 0, 1), bytes).unwrap_err();
    assert_eq!(
        refused("audio/webm;codecs=opus", &[1, 2, 3]),
        "it is not WebM"
    );
    assert_eq!(refused("video/mp4", &[0; 100]), "it is not MP4");
    assert!(refused("audio/pcm", &[0; 100]).contains("0 Hz"));
    let cut = &AAC[..200];
    assert_eq!(
        refused("video/mp4", cut),
        "there is no AAC or Opus track in it"
    );
}

const AAC: &[u8] = include_bytes!("../../../../fixtures/audio/fragmented-aac.mp4");
const OPUS: &[u8] = include_bytes!("../../../../fixtures/audio/fragmented-opus.mp4");
const WEBM: &[u8] = include_bytes!("../../../../fixtures/audio/chromium-preconnect.webm");
const SPOKEN: &[u8] = include_bytes!("../../../../fixtures/audio/caller-opening-hours.wav");

/// Loudness in steps of 10 ms.
fn envelope(sound: &Pcm<16_000>) -> Vec<f64> {
    let loud = |part: &[i16]| part.iter().map(|s| f64::from(s.unsigned_abs())).sum();
    sound.samples().chunks(160).map(loud).collect()
}

/// The similarity of two envelopes, at most 1, at the best shift within 200 ms.
fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let at = |shift: usize| {
        let b = &b[shift.min(b.len())..];
        let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        let power = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        product / (power(a) * power(b))
    };
    (0..20).map(at).fold(0.0, f64::max)
}

#[test]
fn what_an_older_safari_recorded_is_heard() {
    let spoken = wav::parse::<24_000>(SPOKEN).unwrap();
    let spoken = Resampler::<24_000, 16_000>::convert(&spoken);
    for recorded in [AAC, OPUS] {
        let sound = decode(&format("video/mp4", 48_000, 1), recorded).unwrap();
        let off = sound.duration().abs_diff(spoken.duration());
        assert!(off < Duration::from_millis(100), "{off:?} off");
        let alike = likeness(&envelope(&spoken), &envelope(&sound));
        assert!(alike > 0.95, "{alike}");
    }
    // The file decides on the codec.
    assert!(decode(&format("audio/mp4;codecs=opus", 48_000, 1), AAC).is_ok());
}

#[test]
fn a_recording_that_was_cut_is_heard_as_far_as_it_goes() {
    for (mime, recorded) in [
        ("video/mp4", AAC),
        ("video/mp4", OPUS),
        ("audio/webm", WEBM),
    ] {
        let whole = decode(&format(mime, 48_000, 1), recorded).unwrap();
        let half = decode(&format(mime, 48_000, 1), &recorded[..recorded.len() / 2]).unwrap();
        assert!(!half.is_empty() && half.len() < whole.len());
    }
}

/// A recording with some of its bytes changed: each change is a position and a value.
fn mutated(recorded: &[u8], changes: &[(usize, u8)], length: usize) -> Vec<u8> {
    let mut bytes = recorded.to_vec();
    for (place, value) in changes {
        let place = place % bytes.len();
        bytes[place] = *value;
    }
    bytes.truncate(length % (bytes.len() + 1));
    bytes
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 192,
        ..Default::default()
    })]

    /// Whatever is changed, decoding ends, does not panic, and returns no more than wanted.
    #[test]
    fn damaged_recordings_end(
        which in 0..3_usize,
        // Half of the changes are in the tables at the front, where they do the most damage.
        changes in proptest::collection::vec(
            (proptest::prop_oneof![0..900_usize, 0..50_000_usize], proptest::prelude::any::<u8>()),
            0..12,
        ),
        length in 0..100_000_usize,
    ) {
        let (mime, recorded) = [("video/mp4", AAC), ("video/mp4", OPUS), ("audio/webm", WEBM)][which];
        let bytes = mutated(recorded, &changes, length);
        if let Ok(sound) = decode(&format(mime, 48_000, 1), &bytes) {
            proptest::prop_assert!(sound.duration() <= LONGEST);
        }
    }

    #[test]
    fn noise_ends(
        mime in proptest::sample::select(vec!["video/mp4", "audio/webm", "audio/pcm"]),
        head in proptest::sample::select(vec![&AAC[..28], &AAC[..729], &WEBM[..200], &[]]),
        noise in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2_000),
    ) {
        let bytes = [head, &noise].concat();
        if let Ok(sound) = decode(&format(mime, 48_000, 1), &bytes) {
            proptest::prop_assert!(sound.duration() <= LONGEST);
        }
    }
}
