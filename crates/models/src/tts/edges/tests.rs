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
