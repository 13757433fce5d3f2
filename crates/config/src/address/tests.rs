use super::*;

#[test]
fn an_address_in_the_clear_is_on_this_machine_or_a_private_network() {
    for (address, reach) in [
        ("ws://127.0.0.1:7880", Reach::Machine),
        ("ws://127.8.9.10", Reach::Machine),
        ("ws://localhost:7880", Reach::Machine),
        ("WS://LOCALHOST:7880", Reach::Machine),
        ("ws://livekit.localhost", Reach::Machine),
        ("ws://[::1]:7880", Reach::Machine),
        ("ws://[::ffff:127.0.0.1]", Reach::Machine),
        ("ws://livekit:7880", Reach::Private),
        ("ws://livekit-server:7880/rtc", Reach::Private),
        ("ws://10.0.0.5:7880", Reach::Private),
        ("ws://172.16.0.1", Reach::Private),
        ("ws://172.31.255.255", Reach::Private),
        ("ws://192.168.1.2", Reach::Private),
        ("ws://100.64.0.1", Reach::Private),
        ("ws://100.127.255.255", Reach::Private),
        ("ws://169.254.1.1", Reach::Private),
        ("ws://[fd00::1]:7880", Reach::Private),
        ("ws://[fe80::1]", Reach::Private),
        ("ws://[::ffff:10.0.0.1]", Reach::Private),
        ("ws://livekit.voice.svc.cluster.local:7880", Reach::Private),
        ("ws://livekit.voice.svc", Reach::Private),
        ("ws://studio.local", Reach::Private),
        ("ws://livekit.internal.", Reach::Private),
        ("ws://livekit.example.com", Reach::Public),
        ("ws://localhost.evil.org", Reach::Public),
        ("ws://livekit.local.evil.org", Reach::Public),
        ("ws://notlocal.xlocal", Reach::Public),
        ("ws://8.8.8.8", Reach::Public),
        ("ws://172.32.0.1", Reach::Public),
        ("ws://100.128.0.1", Reach::Public),
        ("ws://100.63.255.255", Reach::Public),
        ("ws://0.0.0.0:7880", Reach::Public),
        ("ws://[2001:db8::1]", Reach::Public),
        ("ws://[::ffff:8.8.8.8]", Reach::Public),
        // 10.0.0.1 as a single number, as URLs may write it.
        ("ws://167772161", Reach::Private),
        ("ws://134744072", Reach::Public),
    ] {
        assert_eq!(reach_of_ws(address), Some(reach), "{address}");
    }
    for none in [
        "wss://10.0.0.1",
        "http://10.0.0.1",
        "10.0.0.1:7880",
        "ws://",
        "",
        "ws://127.0.0.1:7880@evil.org",
        "ws://livekit@evil.org",
    ] {
        assert_eq!(reach_of_ws(none), None, "{none:?}");
    }
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    for (written, origin_of_it) in [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.COM:443", "https://app.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:5173", "http://[::1]:5173"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("chrome-extension://ABCdef", "chrome-extension://abcdef"),
    ] {
        assert_eq!(origin(written).as_deref(), Ok(origin_of_it), "{written}");
    }
}

#[test]
fn an_invalid_origin_is_refused_with_the_fix() {
    for bad in [
        "*",
        "null",
        "app.example.com",
        "localhost:5173",
        "https://",
        "https://*.example.com",
        "https://app.example.com/",
        "https://app.example.com/voice",
        "https://app.example.com?x",
        "https://app.example.com#x",
        "https://ann:secret@app.example.com",
        "https://app.example.com:99999",
        "file:///index.html",
        "mailto:ann@example.com",
        "https://a b",
        "\u{7f}",
    ] {
        let fix = origin(bad).unwrap_err();
        assert!(fix.contains("https://app.example.com"), "{bad}: {fix}");
    }
}
