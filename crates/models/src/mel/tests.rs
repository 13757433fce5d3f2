use super::*;

#[test]
fn a_tone_lights_its_band() {
    let tone: Vec<f32> = (0..RATE)
        .map(|n| (2.0 * PI * 1000.0 * n as f64 / RATE as f64).sin() as f32)
        .collect();
    let frames = 100;
    let mel = Mel::new().spectrogram(&tone, frames);
    let loudest = (0..BANDS).max_by(|a, b| mel[a * frames + 50].total_cmp(&mel[b * frames + 50]));
    // 1 kHz is mel 15 of 45.25, so about band 15 / 45.25 · 81 - 1
    assert!(matches!(loudest, Some(25..=27)), "{loudest:?}");
}

#[test]
fn silence_is_flat() {
    let mel = Mel::new().spectrogram(&[], 10);
    assert!(mel.iter().all(|value| (value - -1.5).abs() < 1e-6));
}
