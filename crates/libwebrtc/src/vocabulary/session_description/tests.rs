use super::*;

#[test]
fn type_names_round_trip() {
    for name in ["offer", "pranswer", "answer", "rollback"] {
        assert_eq!(name.parse::<SdpType>().unwrap().to_string(), name);
    }
    assert!("maybe".parse::<SdpType>().is_err());
}

#[test]
fn malformed_text_is_refused_with_the_line() {
    assert!(SessionDescription::parse("v=0\r\ns=-\r\n", SdpType::Offer).is_ok());
    assert!(SessionDescription::parse("", SdpType::Offer).is_err());
    let error = SessionDescription::parse("v=0\r\nhello\r\n", SdpType::Offer).unwrap_err();
    assert_eq!(error.line, "hello");
}
