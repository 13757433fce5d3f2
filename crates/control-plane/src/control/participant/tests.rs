use super::*;

#[test]
fn a_telephone_cannot_pass_for_somebody_by_its_number() {
    let caller = |shown: &str, kind: Kind| {
        caller_of(&ParticipantInfo {
            identity: format!("sip_{shown}"),
            kind: kind.into(),
            attributes: [(PHONE_NUMBER.to_owned(), shown.to_owned())].into(),
            ..ParticipantInfo::default()
        })
    };
    assert_eq!(caller("+4930123456", Kind::Sip), "+4930123456");
    assert_eq!(caller("+4930123456", Kind::Standard), "sip_+4930123456");
    for shown in [
        "alice", "42", "10023456", "", "+", "+49", "+alice", "+49 30 1", "++4930",
    ] {
        assert_eq!(caller(shown, Kind::Sip), format!("sip_{shown}"));
    }
}
