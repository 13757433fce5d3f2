use super::*;
use crate::manifest;
use crate::testing::TempDir;

/// A cache with the models from registries, and Heart's weights under the names of these people: the four that only
/// Hugging Face has are networks of the same form and size.
async fn cache(dir: &TempDir, guests: &[Person]) -> Cache {
    let cache = Cache::new(dir.path());
    for model in super::super::NEEDED {
        let fetched = crate::testing::fetched(model).await;
        for file in &manifest::model(model).unwrap().files {
            std::os::unix::fs::symlink(fetched.path(&file.name), cache.path(&file.name)).unwrap();
        }
    }
    for guest in guests {
        let file = &manifest::model(guest.model()).unwrap().files[0].name;
        std::os::unix::fs::symlink(cache.path("hibari-heart.onnx"), cache.path(file)).unwrap();
    }
    cache
}

fn speakers(cast: &mut Cast) -> [Person; 6] {
    LocalVoice::ALL.map(|voice| cast.role(voice).unwrap().0.person)
}

#[tokio::test]
async fn two_people_speak_all_voices_where_there_are_no_others() {
    let dir = TempDir::new();
    let mut cast = Cast::new(&cache(&dir, &[]).await, 1);
    use Person::{Heart, Joe};
    assert_eq!(speakers(&mut cast), [Heart, Joe, Joe, Joe, Heart, Heart]);
    assert_eq!(
        cast.people.values().flatten().count(),
        2,
        "each is loaded once"
    );
}

#[tokio::test]
async fn whoever_is_there_speaks_a_voice_of_her_own() {
    let dir = TempDir::new();
    let here = cache(&dir, &[Person::Kore, Person::Emma, Person::Fable]).await;
    // Fenrir's weights have another size, so this file is incomplete
    let half = here.path("hibari-fenrir.onnx");
    std::os::unix::fs::symlink(here.path("hibari-heart.onnx"), half).unwrap();
    let mut cast = Cast::new(&here, 1);
    use Person::{Emma, Fable, Heart, Joe, Kore};
    assert_eq!(speakers(&mut cast), [Heart, Joe, Fable, Joe, Kore, Emma]);
    let (role, _) = cast.role(LocalVoice::Nova).unwrap();
    assert_eq!(
        (role.size, role.pitch, role.pace),
        (1.0, 1.0, 1.0),
        "as she is"
    );
}

#[tokio::test]
async fn a_voice_stays_the_same_person_when_others_arrive() {
    let dir = TempDir::new();
    let here = cache(&dir, &[]).await;
    let mut cast = Cast::new(&here, 1);
    assert_eq!(cast.role(LocalVoice::Nova).unwrap().0.person, Person::Heart);
    std::os::unix::fs::symlink(
        here.path("hibari-heart.onnx"),
        here.path("hibari-kore.onnx"),
    )
    .unwrap();
    assert_eq!(cast.role(LocalVoice::Nova).unwrap().0.person, Person::Heart);
    assert_eq!(
        Cast::new(&here, 1).role(LocalVoice::Nova).unwrap().0.person,
        Person::Kore
    );
}

#[tokio::test]
async fn another_voice_speaks_for_weights_that_cannot_be_used() {
    let dir = TempDir::new();
    let here = cache(&dir, &[]).await;
    let size = manifest::model("hibari-kore").unwrap().size();
    std::fs::write(here.path("hibari-kore.onnx"), vec![7; size as usize]).unwrap();
    let mut cast = Cast::new(&here, 1);
    assert_eq!(cast.role(LocalVoice::Nova).unwrap().0.person, Person::Heart);
}
