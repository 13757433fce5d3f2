use super::*;

#[test]
fn silence_is_cut_at_both_ends_and_not_within() {
    let quiet = |n| vec![0.0; n];
    let clip = [
        quiet(500),
        vec![0.5; 300],
        quiet(400),
        vec![0.5; 100],
        quiet(700),
    ]
    .concat();
    for chunk in [1, 37, 250, 2000] {
        let mut edges = Edges::new(1000.0);
        let mut heard: Vec<f32> = clip.chunks(chunk).flat_map(|c| edges.push(c)).collect();
        heard.extend(edges.finish());
        assert_eq!(heard, clip[490..1340], "in pieces of {chunk}");
    }
    let mut edges = Edges::new(1000.0);
    assert!(edges.push(&quiet(900)).is_empty());
    assert!(edges.finish().is_empty());
}

#[tokio::test]
async fn a_stretch_sounds_as_it_does_in_the_whole() {
    let cache = Cache::default();
    let mut bars = crate::fetch::Bars::default();
    crate::fetch::fetch(
        &cache,
        &[crate::manifest::model(NAME).unwrap()],
        &mut |progress| bars.draw(progress),
    )
    .await
    .unwrap();
    let piper = Piper::load(&cache, 1).unwrap();
    let mut utterance = piper
        .begin("həlˈəʊ ðˈɛɹ, wˌiː ˈəʊpən æt nˈaɪn.", LocalVoice::Echo, 1.0)
        .unwrap()
        .unwrap();
    let frames = utterance.frames;
    assert!(frames > 3 * FIRST_STRETCH, "{frames} frames");
    let whole = piper.vocode(&utterance, 0..frames).unwrap();
    assert_eq!(whole.len(), frames * HOP);
    let loudest = whole.iter().fold(0.0, |a: f32, s| a.max(s.abs()));
    assert!(loudest > 0.1, "it is no silence: {loudest}");
    for stretch in [0..32, 32..96, 50..51, 96..frames] {
        let part = piper.vocode(&utterance, stretch.clone()).unwrap();
        let there = &whole[stretch.start * HOP..stretch.end * HOP];
        let apart = part.iter().zip(there).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0, f32::max);
        assert!(apart < 1e-3, "{stretch:?} differs by {apart}");
    }
    let mut stretches = 0;
    while !utterance.is_over() {
        piper.go_on(&mut utterance).unwrap();
        stretches += 1;
    }
    assert!(stretches >= 2, "{stretches}");
}
