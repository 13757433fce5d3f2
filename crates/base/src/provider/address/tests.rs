use super::*;

#[test]
fn a_query_goes_along_with_every_request() {
    let azure = "https://shop.openai.azure.com/openai/v1/?api-version=2025-04-01-preview";
    let azure = Address::parse(azure).unwrap();
    assert_eq!(
        azure.at("/chat/completions"),
        "https://shop.openai.azure.com/openai/v1/chat/completions?api-version=2025-04-01-preview"
    );
    assert_eq!(
        azure.socket_at("/realtime?intent=transcription"),
        "wss://shop.openai.azure.com/openai/v1/realtime?intent=transcription&api-version=2025-04-01-preview"
    );
    assert!(azure.is_azure() && !azure.is_openai());
    let plain = Address::parse("http://127.0.0.1:8080/v1").unwrap();
    assert_eq!(
        plain.socket_at("/realtime"),
        "ws://127.0.0.1:8080/v1/realtime"
    );
}

#[test]
fn openai_is_known_by_its_host() {
    for (url, expected) in [
        ("https://api.openai.com/v1", true),
        ("https://eu.api.openai.com/v1/", true),
        ("https://api.openai.com.evil.example/v1", false),
        ("https://evilapi.openai.com/v1", false),
        ("https://openrouter.ai/api/v1", false),
        ("nonsense", false),
    ] {
        assert_eq!(is_openai(url), expected, "{url}");
    }
}
