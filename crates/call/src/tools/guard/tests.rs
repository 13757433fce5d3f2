use super::*;

#[test]
fn private_addresses_are_found_in_every_notation() {
    for private in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "2001:db8::1",
    ] {
        assert!(!is_public(private.parse().unwrap()), "{private}");
    }
    for public in [
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "64:ff9b::101:101",
    ] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}

#[test]
fn an_address_in_any_spelling_is_seen() {
    for private in [
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]:8/",
        "https://127.1/",
    ] {
        assert!(
            names_private_address(&Url::parse(private).unwrap()),
            "{private}"
        );
    }
    assert!(!names_private_address(
        &Url::parse("https://example.com/").unwrap()
    ));
}
