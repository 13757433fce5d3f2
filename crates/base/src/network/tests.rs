use super::*;

fn of(address: &str) -> String {
    Network::of(address.parse().unwrap()).to_string()
}

#[test]
fn an_ipv6_customer_counts_once_and_an_ipv4_address_for_itself() {
    assert_eq!(of("203.0.113.7"), "203.0.113.7");
    assert_eq!(of("::ffff:203.0.113.7"), "203.0.113.7");
    assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    assert_eq!(of("2001:db8:1:2:ffff::1"), of("2001:db8:1:2::"));
    assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
    assert_ne!(of("203.0.113.7"), of("203.0.113.8"));
}

#[test]
fn a_block_holds_addresses_of_its_family() {
    for (block, address, inside) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.1.2.3/8", "10.0.0.1", true),
        ("192.0.2.1", "192.0.2.1", true),
        ("::ffff:192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("2001:db8::/32", "2001:db8:9::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("2001:db8::/32", "10.0.0.1", false),
    ] {
        let named: Block = block.parse().unwrap();
        let address = address.parse().unwrap();
        assert_eq!(named.contains(address), inside, "{address} in {block}");
    }
    for (text, why) in [
        ("proxy.internal", NoBlock::Unreadable),
        ("10.0.0.0/33", NoBlock::Unreadable),
        ("10.0.0.0/", NoBlock::Unreadable),
        ("0.0.0.0/0", NoBlock::Everybody),
        ("::/0", NoBlock::Everybody),
    ] {
        assert_eq!(text.parse::<Block>(), Err(why), "{text}");
    }
}
