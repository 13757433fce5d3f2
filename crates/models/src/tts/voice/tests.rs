use super::*;

#[test]
fn every_name_has_a_voice() {
    for voice in LocalVoice::ALL {
        assert_eq!(LocalVoice::of(voice.name()), voice);
    }
    assert_eq!(LocalVoice::of("marin"), LocalVoice::Nova);
    assert_eq!(LocalVoice::of("bob"), LocalVoice::Alloy);
}
