use super::*;
use crate::testing::fetched;

#[tokio::test]
async fn texts_about_the_same_thing_are_alike_whatever_their_words() {
    let mut meaning = Meaning::load(&fetched(NAME).await).unwrap();
    let mut likeness = |a: &str, b: &str| {
        let (a, b) = (meaning.of(a).unwrap(), meaning.of(b).unwrap());
        similarity(&a, &b)
    };
    let parking = "There is a car park behind the house.";
    let same = likeness("Where can I leave my car?", parking);
    let other = likeness("What time is breakfast?", parking);
    assert!(same > other + 0.2, "{same} {other}");
    let itself = likeness(parking, parking);
    assert!((itself - 1.0).abs() < 1e-3, "{itself}");
}

#[tokio::test]
async fn a_text_of_any_length_has_a_vector() {
    let mut meaning = Meaning::load(&fetched(NAME).await).unwrap();
    for text in ["", "   ", &"word ".repeat(5000)] {
        let vector = meaning.of(text).unwrap();
        assert!((similarity(&vector, &vector) - 1.0).abs() < 1e-3);
    }
}

#[tokio::test]
async fn what_is_kept_is_limited() {
    let mut meaning = Meaning::load(&fetched(NAME).await).unwrap();
    let vector = meaning.of("hello").unwrap();
    for n in 0..KEPT {
        meaning.kept.insert(n.to_string(), Arc::clone(&vector));
    }
    meaning.of("something new").unwrap();
    assert!(meaning.kept.len() <= KEPT);
}
