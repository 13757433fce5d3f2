//! The addresses of this machine.

use std::net::IpAddr;

use if_addrs::{IfOperStatus, get_if_addrs};

/// This machine's addresses, without loopback, link-local ones and interfaces that are down.
pub(crate) fn reachable_addresses() -> Vec<IpAddr> {
    let interfaces = get_if_addrs()
        .inspect_err(|error| tracing::warn!(%error, "interfaces cannot be listed"))
        .unwrap_or_default();
    interfaces
        .into_iter()
        .filter(|interface| interface.oper_status != IfOperStatus::Down)
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect()
}
