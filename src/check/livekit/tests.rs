use super::*;

#[test]
fn a_private_network_in_the_clear_is_noted() {
    let at = |host: &str| encryption(&LiveKit::new(host, "key", "secret"));
    let note = at("ws://livekit:7880").unwrap();
    assert!(note.found.contains("ws://livekit:7880"), "{note:?}");
    assert!(at("ws://127.0.0.1:7880").is_none());
    assert!(at("wss://livekit.example.com").is_none());
}
