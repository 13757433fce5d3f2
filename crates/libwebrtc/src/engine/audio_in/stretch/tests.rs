use super::*;

fn tone(hz: f32, rate: u32, frames: usize, channels: usize) -> Vec<i16> {
    (0..frames)
        .flat_map(|n| {
            let phase = n as f32 * hz * std::f32::consts::TAU / rate as f32;
            vec![(phase.sin() * 10_000.0) as i16; channels]
        })
        .collect()
}

#[test]
fn a_tone_loses_whole_periods_and_stays_smooth() {
    for (rate, channels) in [(16_000, 1), (48_000, 2)] {
        let mut pcm = tone(200.0, rate, rate as usize / 20, channels);
        let largest_step = pcm.windows(channels + 1).map(step).max().unwrap();
        let removed = remove_period(&mut pcm, 0, rate, channels);
        let period = rate as usize / 200;
        assert!(
            removed > 0 && removed % period <= 2,
            "{removed} of period {period}"
        );
        let now = pcm.windows(channels + 1).map(step).max().unwrap();
        assert!(
            now <= largest_step + largest_step / 5,
            "{now} against {largest_step}"
        );
    }
}

fn step(window: &[i16]) -> i32 {
    (i32::from(window[window.len() - 1]) - i32::from(window[0])).abs()
}

#[test]
fn noise_is_left_alone_and_silence_is_not() {
    let mut seed = 1u32;
    let mut noise: Vec<i16> = (0..1600)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 18) as i16 - 8192
        })
        .collect();
    assert_eq!(remove_period(&mut noise, 0, 16_000, 1), 0);
    assert_eq!(noise.len(), 1600);
    let mut silence = vec![0; 1600];
    assert_eq!(remove_period(&mut silence, 0, 16_000, 1), 240);
}

#[test]
fn short_input_is_left_alone() {
    let mut pcm = tone(200.0, 16_000, 300, 1);
    assert_eq!(remove_period(&mut pcm, 0, 16_000, 1), 0);
}
