use super::*;
use proptest::prelude::*;

fn tone<const HZ: u32>(frequency: f64, seconds: f64) -> Pcm<HZ> {
    let step = frequency * std::f64::consts::TAU / f64::from(HZ);
    let samples = (0..(seconds * f64::from(HZ)) as u32)
        .map(|n| ((f64::from(n) * step).sin() * 16_384.0).round() as i16);
    Pcm::new(samples.collect())
}

/// The level of one frequency in dBFS (Goertzel algorithm).
fn level_at<const HZ: u32>(pcm: &Pcm<HZ>, frequency: f64) -> f64 {
    let step = frequency * std::f64::consts::TAU / f64::from(HZ);
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in pcm.samples().iter().enumerate() {
        re += f64::from(sample) * (n as f64 * step).cos();
        im += f64::from(sample) * (n as f64 * step).sin();
    }
    20.0 * (2.0 * re.hypot(im) / pcm.len() as f64 / 32_768.0).log10()
}

fn keeps_tone<const FROM: u32, const TO: u32>(frequency: f64) {
    let mut out = Resampler::<FROM, TO>::convert(&tone(frequency, 1.2));
    assert_eq!(out.duration(), std::time::Duration::from_millis(1200));
    out.take_front(TO as usize / 10);
    let middle = out.take_front(TO as usize);
    let level = level_at(&middle, frequency);
    assert!(
        (level + 6.02).abs() < 0.05,
        "{FROM}->{TO} {frequency} Hz: {level} dB"
    );
    // There is nothing else: without the tone, the rest is 60 dB below it.
    let energy = |db: f64| 10f64.powf(db / 10.0);
    let all = energy(f64::from(middle.level_dbfs().unwrap()) + 3.0103);
    let rest = 10.0 * (all - energy(level)).abs().max(1e-12).log10();
    assert!(
        rest < -66.0,
        "{FROM}->{TO} {frequency} Hz: {rest} dB of something else"
    );
}

#[test]
fn a_tone_keeps_its_frequency_and_level() {
    for frequency in [200.0, 1000.0, 3400.0, 6000.0] {
        keeps_tone::<48_000, 16_000>(frequency);
        keeps_tone::<24_000, 48_000>(frequency);
        keeps_tone::<16_000, 48_000>(frequency);
        keeps_tone::<44_100, 16_000>(frequency);
        keeps_tone::<44_100, 48_000>(frequency);
        keeps_tone::<22_050, 24_000>(frequency);
        keeps_tone::<44_101, 16_000>(frequency);
    }
    for frequency in [200.0, 1000.0, 3200.0] {
        keeps_tone::<8_000, 16_000>(frequency);
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_filtered_out() {
    for frequency in [9_000.0, 10_000.0, 15_000.0, 20_000.0] {
        let out = Resampler::<48_000, 16_000>::convert(&tone(frequency, 1.0));
        let mut out = out;
        out.take_front(800);
        let middle = out.take_front(14_000);
        let level = middle.level_dbfs().unwrap_or(-120.0);
        assert!(level < -70.0, "{frequency} Hz came through at {level} dB");
    }
}

#[test]
fn a_click_stays_where_it_was() {
    fn click<const FROM: u32, const TO: u32>() {
        let mut samples = vec![0i16; FROM as usize];
        samples[FROM as usize / 2] = 20_000;
        let pcm = Pcm::<FROM>::new(samples);
        let peak = |pcm: &Pcm<TO>| {
            let loudest = pcm
                .samples()
                .iter()
                .enumerate()
                .max_by_key(|(_, s)| s.unsigned_abs());
            loudest.map(|(at, _)| at).unwrap()
        };
        let at = peak(&Resampler::convert(&pcm));
        assert!(at.abs_diff(TO as usize / 2) <= 1, "{FROM}->{TO}: {at}");
        let mut streaming = Resampler::<FROM, TO>::new();
        let mut out = streaming.push(&pcm);
        let delay = streaming.delay();
        out.append(&streaming.flush());
        assert!(peak(&out).abs_diff(TO as usize / 2 + delay) <= 1);
    }
    click::<48_000, 16_000>();
    click::<24_000, 48_000>();
    click::<16_000, 48_000>();
    click::<44_100, 48_000>();
}

#[test]
fn ten_milliseconds_in_are_ten_milliseconds_out_from_the_first_frame() {
    let mut down = Resampler::<48_000, 16_000>::new();
    let mut up = Resampler::<24_000, 48_000>::new();
    for _ in 0..500 {
        assert_eq!(down.push(&Pcm::new(vec![1; 480])).len(), 160);
        assert_eq!(up.push(&Pcm::new(vec![1; 240])).len(), 480);
    }
    assert_eq!(down.delay(), 31);
    assert_eq!(up.delay(), 66);
}

#[test]
fn full_scale_does_not_wrap() {
    let square: Vec<i16> = (0..4800)
        .map(|n| if n / 48 % 2 == 0 { i16::MAX } else { i16::MIN })
        .collect();
    let out = Resampler::<48_000, 16_000>::convert(&Pcm::new(square));
    // Inside each half wave the sign is that of the input.
    for (n, &sample) in out.samples().iter().enumerate() {
        if (4..12).contains(&(n % 16)) {
            assert_eq!(sample > 0, n / 16 % 2 == 0, "sample {n} is {sample}");
        }
    }
}

#[test]
fn equal_rates_change_nothing() {
    let pcm = tone::<16_000>(440.0, 0.1);
    assert_eq!(Resampler::<16_000, 16_000>::convert(&pcm), pcm);
    assert_eq!(Resampler::<16_000, 16_000>::new().push(&pcm), pcm);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_chunking_gives_the_same_sound(cuts in prop::collection::vec(0usize..3000, 1..12)) {
        let pcm = tone::<24_000>(700.0, 0.3);
        let mut whole = Resampler::<24_000, 48_000>::new();
        let expected = whole.push(&pcm);
        let mut parts = Resampler::<24_000, 48_000>::new();
        let mut rest = pcm;
        let mut got = Pcm::default();
        let mut pushed = 0;
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let part = rest.take_front(cut);
            pushed += part.len();
            got.append(&parts.push(&part));
            prop_assert_eq!(got.len(), pushed * 2);
        }
        prop_assert_eq!(got, expected);
    }
}
