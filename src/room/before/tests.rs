use super::*;

fn format(mime: &str, rate: u32, channels: u32) -> Format {
    Format {
        mime: mime.into(),
        rate,
        channels,
    }
}

#[test]
fn what_a_browser_recorded_is_heard() {
    // Three seconds of Chromium's MediaRecorder, its microphone `caller-opening-hours.wav`.
    let bytes = include_bytes!("../../../fixtures/audio/chromium-preconnect.webm");
    let sound = decode(&format("audio/webm;codecs=opus", 48_000, 1), bytes.to_vec()).unwrap();
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
    let bytes = frames.flat_map(i16::to_le_bytes).collect();
    let sound = decode(&format("audio/pcm", 48_000, 2), bytes).unwrap();
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
    decode(&format("audio/webm;codecs=opus", 48_000, 1), bytes.to_vec())
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
    // Xiph lacing, 256 frames, none of which has a byte.
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
    let sound = decode(&format("audio/pcm", 8_000, 1), samples).unwrap();
    assert_eq!(sound.duration(), LONGEST);
}

#[test]
fn damage_is_told() {
    assert!(decode(&format("audio/webm;codecs=opus", 48_000, 1), vec![1, 2, 3]).is_err());
    assert!(decode(&format("video/mp4", 48_000, 1), vec![0; 100]).is_err());
    assert!(decode(&format("audio/pcm", 0, 1), vec![0; 100]).is_err());
}
