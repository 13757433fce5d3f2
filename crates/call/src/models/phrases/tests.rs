use super::*;

#[test]
fn the_phrase_used_longest_ago_makes_room() {
    let mut kept = Kept::default();
    let key = |name: &str| ("voice".to_owned(), name.to_owned());
    for name in ["a", "b", "c"] {
        kept.keep(key(name), Pcm::new(vec![0; 10]), 30);
    }
    let kept = Phrases(Arc::new(Mutex::new(kept)));
    assert!(kept.get(&key("a")).is_some());
    kept.kept().keep(key("d"), Pcm::new(vec![0; 15]), 30);
    let there = ["a", "b", "c", "d"].map(|name| kept.get(&key(name)).is_some());
    assert_eq!(there, [true, false, false, true]);
    kept.kept().keep(key("e"), Pcm::new(vec![0; 31]), 30);
    assert_eq!(kept.kept().samples, 25);
    assert!(kept.get(&key("e")).is_none());
}
