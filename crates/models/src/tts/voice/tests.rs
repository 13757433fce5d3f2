use super::*;

#[test]
fn every_name_has_a_voice() {
    for voice in Voice::ALL {
        assert_eq!(Voice::of(voice.name()), voice);
    }
    assert_eq!(Voice::of("marin"), Voice::Nova);
    assert_eq!(Voice::of("bob"), Voice::Alloy);
}
