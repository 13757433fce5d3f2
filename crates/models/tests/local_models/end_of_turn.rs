//! Smart Turn finds the same ends as under onnxruntime.

use sidetone_models::{Cache, EndOfTurn, fetch, manifest};

use crate::fixture;

async fn judge() -> EndOfTurn {
    let cache = Cache::default();
    let model = manifest::model("smart-turn-v3.2").unwrap();
    fetch::fetch(&cache, &[model], &mut |_| ()).await.unwrap();
    tokio::task::spawn_blocking(move || EndOfTurn::load(&cache))
        .await
        .unwrap()
        .unwrap()
}

/// The results of onnxruntime 1.32 with Hugging Face's feature extraction for the clips, whole and after half of each.
/// Quantised layers are rounded differently here; where the model itself is unsure ("cards-five-five": 0.38 there,
/// 0.64 here) the two may disagree.
const CLIPS: [(&str, f32, f32); 7] = [
    ("cards-eight-of-spades", 1.0, 0.989),
    ("librivox-cold-hearted", 1.0, 0.942),
    ("librivox-made-amiable", 1.0, 0.221),
    ("librivox-not-ill-disposed", 1.0, 0.099),
    ("librivox-cold-hearted", 0.5, 0.023),
    ("librivox-made-amiable", 0.5, 0.016),
    ("librivox-not-ill-disposed", 0.5, 0.009),
];

#[tokio::test]
async fn probabilities_are_those_of_the_reference_runtime() {
    let judge = judge().await;
    for (name, share, expected) in CLIPS {
        let mut samples = fixture(name);
        samples.truncate((samples.len() as f32 * share) as usize);
        let probability = judge.probability(samples).await.unwrap();
        assert!(
            (probability - expected).abs() < 0.1,
            "{name}, {share}: {probability}, not {expected}"
        );
    }
}
