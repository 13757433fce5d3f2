use super::*;
use sidetone_base::audio::wav;

fn noise(dbfs: f32, samples: usize) -> Vec<i16> {
    let mut random = fastrand::Rng::with_seed(7);
    let amplitude = 32_768.0 * 10.0_f32.powf(dbfs / 20.0) * 3.0_f32.sqrt();
    (0..samples)
        .map(|_| (amplitude * (2.0 * random.f32() - 1.0)) as i16)
        .collect()
}

#[test]
fn silence_noise_and_clicks_are_no_speech() {
    assert!(!is_speech(&Pcm::default()));
    for level in [-90.0, -70.0, -60.0, -52.0] {
        assert!(!is_speech(&Pcm::new(noise(level, 32_000))), "{level} dBFS");
    }
    let mut click = noise(-65.0, 16_000);
    click[8_000..8_640].fill(20_000);
    assert!(!is_speech(&Pcm::new(click)));
}

#[test]
fn recorded_speech_is_speech_however_it_is_cut_and_how_quiet_it_is() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/audio");
    let mut heard = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "wav") {
            continue;
        }
        let clip: Pcm<16_000> = wav::parse(&std::fs::read(&path).unwrap()).unwrap();
        assert!(is_speech(&clip), "{path:?}");
        // Any second in which VAD would find speech, at half the loudness.
        for second in clip.samples().chunks_exact(16_000) {
            let loud = second
                .chunks_exact(FRAME)
                .filter(|frame| level(frame) > -40.0);
            if loud.count() >= 10 {
                heard += 1;
                let halved = second.iter().map(|sample| sample / 2).collect();
                assert!(is_speech(&Pcm::new(halved)), "{path:?}");
            }
        }
    }
    assert!(heard >= 10, "{heard}");
}
