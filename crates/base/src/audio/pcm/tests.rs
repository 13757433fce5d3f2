use super::*;
use proptest::prelude::*;

#[test]
fn durations_are_exact_in_both_directions() {
    assert_eq!(Pcm::<16_000>::silence(Duration::from_millis(10)).len(), 160);
    assert_eq!(Pcm::<48_000>::FRAME, 480);
    assert_eq!(Pcm::<24_000>::FRAME, 240);
    assert_eq!(
        Pcm::<48_000>::duration_of(48_001),
        Duration::from_nanos(1_000_020_833)
    );
    // A day of room audio.
    assert_eq!(
        Pcm::<48_000>::duration_of(86_400 * 48_000),
        Duration::from_secs(86_400)
    );
    assert_eq!(
        Pcm::<48_000>::samples_in(Duration::from_secs(86_400)),
        86_400 * 48_000
    );
}

#[test]
fn level_is_the_root_mean_square() {
    let square = Pcm::<16_000>::new([i16::MIN, i16::MIN].repeat(100));
    assert!(square.level_dbfs().unwrap().abs() < 0.001);
    let sine = (0..16_000).map(|n| {
        let phase = f64::from(n) * 1000.0 * std::f64::consts::TAU / 16_000.0;
        (phase.sin() * 32_767.0).round() as i16
    });
    let sine = Pcm::<16_000>::new(sine.collect());
    assert!((sine.level_dbfs().unwrap() + 3.01).abs() < 0.01);
    assert_eq!(
        Pcm::<16_000>::silence(Duration::from_secs(1)).level_dbfs(),
        None
    );
    assert_eq!(Pcm::<16_000>::default().level_dbfs(), None);
}

#[test]
fn samples_are_taken_from_the_front_and_appended_at_the_end() {
    let mut whole = Pcm::<16_000>::concat(&[Pcm::new(vec![1, 2]), Pcm::new(vec![3])]);
    assert_eq!(whole.take_front(2).samples(), [1, 2]);
    whole.append(&Pcm::new(vec![4]));
    assert_eq!(whole.take_front(9).samples(), [3, 4]);
    assert!(whole.is_empty());
}

#[test]
fn debug_shows_no_samples() {
    assert_eq!(
        format!("{:?}", Pcm::<16_000>::new(vec![7; 1600])),
        "Pcm<16000>(100ms)"
    );
}

proptest! {
    #[test]
    fn any_chunking_decodes_to_the_same_samples(
        samples in prop::collection::vec(any::<i16>(), 0..200),
        cuts in prop::collection::vec(0usize..7, 1..50),
    ) {
        let pcm = Pcm::<24_000>::new(samples);
        let bytes = pcm.to_le_bytes();
        let mut decoder = PcmDecoder::<24_000>::new();
        let mut decoded = Pcm::default();
        let mut rest = &bytes[..];
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (chunk, tail) = rest.split_at(cut.min(rest.len()));
            decoded.append(&decoder.push(chunk));
            rest = tail;
        }
        prop_assert_eq!(&decoded, &pcm);
        prop_assert!(!decoder.has_odd_byte());
        prop_assert_eq!(Pcm::<24_000>::from_le_bytes(&bytes), pcm);
    }
}
