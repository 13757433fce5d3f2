use super::*;

fn tone(hertz: f32) -> Pcm<48_000> {
    let sample = |n: usize| (n as f32 * hertz * std::f32::consts::TAU / 48_000.0).sin() * 8_000.0;
    Pcm::new((0..48_000).map(|n| sample(n) as i16).collect())
}

fn loudness(sound: &Pcm<48_000>) -> f32 {
    let squares = sound.samples().iter().map(|&s| f32::from(s).powi(2));
    (squares.sum::<f32>() / sound.len() as f32).sqrt()
}

#[test]
fn a_telephone_carries_voices_and_nothing_above_four_kilohertz() {
    let share = |hertz| loudness(&by_telephone(&tone(hertz))) / loudness(&tone(hertz));
    let voice = share(1_000.0);
    assert!((0.95..1.05).contains(&voice), "{voice}");
    let hiss = share(6_000.0);
    assert!(hiss < 0.02, "{hiss}");
}

#[test]
fn a_telephone_lasts_as_long_as_the_sound() {
    assert_eq!(by_telephone(&tone(440.0)).len(), 48_000);
}
