use super::*;
use vocoder::HOP;

const SENTENCE: &str =
    "wi ɑɹ ˈOpᵊn fɹʌm nˈIn ɪn ðə mˈɔɹnɪŋ ˌʌntˈɪl sˈɪks, ænd jʊɹ ˈɔɹdəɹ ɪz ˌɔn ɪts wˈA.";

async fn heart() -> Hibari {
    let cache = crate::testing::fetched("hibari-heart").await;
    let pool = Arc::new(ThreadPool::with_num_threads(1));
    Hibari::load(&cache.path("hibari-heart.onnx"), pool).unwrap()
}

fn all(voice: &Hibari, clause: &mut Frames) -> Vec<Vec<f32>> {
    let mut stretches = Vec::new();
    while !clause.is_over() {
        stretches.push(voice.go_on(clause).unwrap());
    }
    stretches
}

/// The largest jump in the waveform's slope within a window around a sample, as a cut would cause.
fn roughness(samples: &[f32], around: std::ops::Range<usize>) -> f32 {
    let bend = |w: &[f32]| (w[2] - 2.0 * w[1] + w[0]).abs();
    samples[around].windows(3).map(bend).fold(0.0, f32::max)
}

#[test]
fn every_phoneme_of_the_list_has_its_number() {
    assert_eq!(
        ids("həlˈO ðˈɛɹ."),
        [0, 50, 83, 54, 156, 31, 16, 81, 156, 86, 123, 4, 0]
    );
    assert_eq!(
        ids("gæd—ju ᵻʔ"),
        [0, 92, 72, 46, 9, 52, 63, 16, 177, 148, 0]
    );
    // phonemes without a number are skipped
    assert_eq!(ids("a日❓b"), [0, 43, 44, 0]);
}

#[tokio::test]
async fn nothing_to_say_is_said_by_nothing() {
    let voice = heart().await;
    for text in ["", " ", "…", "., !"] {
        assert!(voice.begin(text, 1.0, 1.0).unwrap().is_none(), "{text:?}");
    }
}

#[tokio::test]
async fn a_clause_in_stretches_is_the_clause_in_one_piece() {
    let mut voice = heart().await;
    assert!(voice.frames.is_some(), "its decoder runs by itself");
    let mut clause = voice.begin(SENTENCE, 1.0, 1.0).unwrap().unwrap();
    let count = clause.count;
    let stretches = all(&voice, &mut clause);
    assert!(stretches.len() >= 3, "{}", stretches.len());
    let parted = stretches.concat();
    assert_eq!(parted.len(), count * HOP);

    voice.frames = None;
    let mut clause = voice.begin(SENTENCE, 1.0, 1.0).unwrap().unwrap();
    let whole = all(&voice, &mut clause).concat();
    assert_eq!(whole.len(), parted.len());
    let power = |samples: &[f32]| samples.iter().map(|s| s * s).sum::<f32>();
    let apart: Vec<f32> = whole.iter().zip(&parted).map(|(a, b)| a - b).collect();
    // the network's rounding: 20 dB below the speech, and no louder where two stretches meet
    assert!(
        power(&apart) < 0.01 * power(&whole),
        "{} of {}",
        power(&apart),
        power(&whole)
    );
    let mut seam = 0;
    for stretch in &stretches[..stretches.len() - 1] {
        seam += stretch.len();
        let near = seam - HOP..seam + HOP;
        let (there, here) = (
            roughness(&whole, near.clone()),
            roughness(&parted, near.clone()),
        );
        assert!(
            here < 1.5 * there + 0.01,
            "a click at {seam}: {here} where the whole has {there}"
        );
    }
}

#[tokio::test]
async fn the_melody_moves_without_the_spectrum() {
    let voice = heart().await;
    let heard = |pitch| {
        let mut clause = voice.begin(SENTENCE, pitch, 1.0).unwrap().unwrap();
        all(&voice, &mut clause).concat()
    };
    let (low, high) = (heard(0.7), heard(1.2));
    assert_eq!(low.len(), high.len());
    let rises = |samples: &[f32]| {
        let smooth: Vec<f32> = samples.windows(40).map(|w| w.iter().sum()).collect();
        smooth
            .windows(2)
            .filter(|w| w[0] <= 0.0 && w[1] > 0.0)
            .count()
    };
    assert!(
        rises(&high) > rises(&low),
        "{} and {}",
        rises(&high),
        rises(&low)
    );
}
