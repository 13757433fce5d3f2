use super::*;

#[test]
fn one_encrypted_track_makes_a_call_an_encrypted_one() {
    let with = |tracks: &[Type]| ParticipantInfo {
        tracks: tracks
            .iter()
            .map(|encryption| TrackInfo {
                encryption: (*encryption).into(),
                ..TrackInfo::default()
            })
            .collect(),
        ..ParticipantInfo::default()
    };
    assert!(!is_encrypted(&with(&[])));
    assert!(!is_encrypted(&with(&[Type::None, Type::None])));
    assert!(is_encrypted(&with(&[Type::None, Type::Gcm])));
    assert!(is_encrypted(&with(&[Type::Custom])));
}
