use super::*;

#[tokio::test]
async fn a_stretch_sounds_as_it_does_in_the_whole() {
    let cache = crate::testing::fetched("piper-en_US-joe").await;
    let pool = Arc::new(ThreadPool::with_num_threads(1));
    let piper = Piper::load(&cache, pool).unwrap();
    let phonemes = "həlˈO ðˈɛɹ, wi ɑɹ ˈOpᵊn æt nˈIn.";
    let mut clause = piper.begin(phonemes, 1.0).unwrap().unwrap();
    let count = clause.count;
    assert!(count > 3 * FIRST_STRETCH, "{count} frames");
    let whole = piper.vocode(&clause, 0..count).unwrap();
    assert_eq!(whole.len(), count * HOP);
    let loudest = whole.iter().fold(0.0, |a: f32, s| a.max(s.abs()));
    assert!(loudest > 0.1, "it is no silence: {loudest}");
    for stretch in [0..32, 32..96, 50..51, 96..count] {
        let part = piper.vocode(&clause, stretch.clone()).unwrap();
        let there = &whole[stretch.start * HOP..stretch.end * HOP];
        let apart = part.iter().zip(there).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0, f32::max);
        assert!(apart < 1e-3, "{stretch:?} differs by {apart}");
    }
    let mut stretches = 0;
    while !clause.is_over() {
        piper.go_on(&mut clause).unwrap();
        stretches += 1;
    }
    assert!(stretches >= 2, "{stretches}");
}
