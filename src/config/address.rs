//! Which addresses may be spoken to, and in the clear. PURE.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Whether traffic to a host stays on this machine, on a private network, or travels a public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Loopback.
    Machine,
    /// A private address (RFC 1918, RFC 6598, link-local, unique local), or a name that no public DNS
    /// answers for: one label, such as a container's, or under a private domain.
    Private,
    /// Any other.
    Public,
}

/// Domains that are never delegated publicly, or that orchestrators use inside a cluster.
const PRIVATE_DOMAINS: [&str; 8] = [
    "local",
    "internal",
    "lan",
    "intranet",
    "home.arpa",
    "svc",
    "cluster.local",
    "test",
];

/// Where the host of a `ws://` address is; None when it is no such address.
pub fn reach_of_ws(address: &str) -> Option<Reach> {
    let url = Url::parse(address).ok()?;
    // A name before "@" would be mistaken for the host by whoever reads the address.
    let is_plain = url.username().is_empty() && url.password().is_none();
    if url.scheme() != "ws" || !is_plain {
        return None;
    }
    // Brackets are how an URL writes an IPv6 address.
    let host = url.host_str()?.trim_matches(['[', ']']);
    Some(match host.parse() {
        Ok(IpAddr::V4(ip)) => v4(ip),
        Ok(IpAddr::V6(ip)) => ip.to_ipv4_mapped().map_or_else(|| v6(ip), v4),
        Err(_) => name(host),
    })
}

fn v4(ip: Ipv4Addr) -> Reach {
    let [a, b, ..] = ip.octets();
    // RFC 6598: between a provider and its customers, and what overlay networks use.
    let is_shared = a == 100 && (64..128).contains(&b);
    if ip.is_loopback() {
        Reach::Machine
    } else if ip.is_private() || ip.is_link_local() || is_shared {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn v6(ip: Ipv6Addr) -> Reach {
    if ip.is_loopback() {
        Reach::Machine
    } else if ip.is_unique_local() || ip.is_unicast_link_local() {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn name(host: &str) -> Reach {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_under = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
    };
    if host == "localhost" || is_under("localhost") {
        Reach::Machine
    } else if !host.is_empty() && (!host.contains('.') || PRIVATE_DOMAINS.into_iter().any(is_under))
    {
        Reach::Private
    } else {
        Reach::Public
    }
}

/// A browser's origin in the one way in which browsers write it: scheme and host in lower case, no
/// default port, nothing after them.
///
/// # Errors
/// The text says what to write.
pub fn origin(value: &str) -> Result<String, String> {
    const FIX: &str = "write origins as browsers do, scheme, host and port, with commas between them: \
                       https://app.example.com,http://localhost:5173";
    if value == "*" {
        return Err(format!(
            "any page could call with its visitor's rights, so each origin has to be named; {FIX}"
        ));
    }
    let url = Url::parse(value).map_err(|_| FIX.to_owned())?;
    let has_more = !matches!(url.path(), "" | "/")
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some();
    // An app's own scheme, such as capacitor://localhost, is kept by the parser as it was written.
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    if has_more || host.is_empty() || host.contains('*') {
        return Err(FIX.to_owned());
    }
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    Ok(format!("{}://{host}{port}", url.scheme()))
}

#[cfg(test)]
mod tests {
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
            // 10.0.0.1 as one number, as URLs may have it.
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
            ("https://app.example.com/", "https://app.example.com"),
            ("HTTPS://App.Example.COM:443", "https://app.example.com"),
            ("http://localhost:80/", "http://localhost"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:5173", "http://[::1]:5173"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://ABCdef/", "chrome-extension://abcdef"),
        ] {
            assert_eq!(origin(written).as_deref(), Ok(origin_of_it), "{written}");
        }
    }

    #[test]
    fn what_is_no_origin_is_told_with_the_fix() {
        for bad in [
            "*",
            "null",
            "app.example.com",
            "localhost:5173",
            "https://",
            "https://*.example.com",
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
}
