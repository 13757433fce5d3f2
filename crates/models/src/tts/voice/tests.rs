use super::*;
use crate::manifest;
use std::collections::HashSet;

#[test]
fn every_name_has_a_voice() {
    for voice in LocalVoice::ALL {
        assert_eq!(LocalVoice::of(voice.name()), voice);
    }
    assert_eq!(LocalVoice::of("marin"), LocalVoice::Nova);
    assert_eq!(LocalVoice::of("bob"), LocalVoice::Alloy);
}

#[test]
fn the_first_choices_are_six_people() {
    let first: HashSet<Person> = LocalVoice::ALL.map(|voice| voice.roles()[0].person).into();
    assert_eq!(first.len(), 6);
    for person in Person::ALL {
        let model = manifest::model(person.model());
        assert!(
            model.is_some_and(|model| !model.files.is_empty()),
            "{person:?}"
        );
    }
}

#[test]
fn whoever_stands_in_for_others_comes_from_a_registry_and_sounds_different_each_time() {
    let last = LocalVoice::ALL.map(|voice| *voice.roles().last().unwrap());
    for (n, role) in last.iter().enumerate() {
        assert!(super::super::NEEDED.contains(&role.person.model()));
        assert!(!last[..n].contains(role), "{role:?}");
    }
}
