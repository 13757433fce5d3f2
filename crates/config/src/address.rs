//! Classifies addresses: how far traffic to them travels, and whether it may be unencrypted. PURE.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Whether traffic to a host stays on this machine, stays on a private network, or crosses a public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Loopback.
    Machine,
    /// A private address (RFC 1918, RFC 6598, link-local, unique local), or a name that no public DNS server answers
    /// for: a single label, such as a container's, or a name under a private domain.
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

/// The reach of the host in a `ws://` address. `None` if it is not such an address.
pub fn reach_of_ws(address: &str) -> Option<Reach> {
    let url = Url::parse(address).ok()?;
    // A name before "@" would be mistaken for the host by whoever reads the address.
    if url.scheme() != "ws" || !is_plain(&url) {
        return None;
    }
    reach_of(&url)
}

/// Whether an address names nobody before its host.
pub fn is_plain(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// Where the host of an address is; None when it has none.
pub fn reach_of(url: &Url) -> Option<Reach> {
    // URLs write IPv6 addresses in brackets.
    let host = url.host_str()?.trim_matches(['[', ']']);
    Some(host.parse().map_or_else(|_| name(host), reach_of_ip))
}

/// The reach of an IP address.
pub fn reach_of_ip(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or_else(|| v6(ip), v4),
    }
}

fn v4(ip: Ipv4Addr) -> Reach {
    let [a, b, ..] = ip.octets();
    // RFC 6598: between a provider and its customers, and also used by overlay networks.
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

/// Normalises a browser's origin to the form that browsers send: scheme and host in lower case, no default port,
/// nothing after them.
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
        || !is_plain(&url);
    // An app's own scheme, such as capacitor://localhost, is kept by the parser as it was written.
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    if has_more || host.is_empty() || host.contains('*') {
        return Err(FIX.to_owned());
    }
    // Browsers send no trailing slash, so an exact comparison would never match.
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
