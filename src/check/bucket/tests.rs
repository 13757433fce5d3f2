#[test]
fn an_origin_has_no_path() {
    assert_eq!(
        super::origin("https://a.example:8443/voice/").as_deref(),
        Some("https://a.example:8443")
    );
    assert_eq!(super::origin("a.example"), None);
}
