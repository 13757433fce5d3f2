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
    reach_of(&url)
}

/// Where the host of an address is; None when it has none.
pub fn reach_of(url: &Url) -> Option<Reach> {
    // Brackets are how an URL writes an IPv6 address.
    let host = url.host_str()?.trim_matches(['[', ']']);
    Some(host.parse().map_or_else(|_| name(host), reach_of_ip))
}

/// Where an IP address is.
pub fn reach_of_ip(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or_else(|| v6(ip), v4),
    }
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
    // Browsers write none: whoever compares letter by letter would never find it.
    if value.ends_with('/') {
        let bare = value.trim_end_matches('/');
        return Err(format!("leave out the slash at the end: write {bare}"));
    }
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    Ok(format!("{}://{host}{port}", url.scheme()))
}

#[cfg(test)]
mod tests;
