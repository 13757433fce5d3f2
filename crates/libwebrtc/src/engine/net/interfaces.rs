//! The addresses of this machine.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use if_addrs::{IfOperStatus, get_if_addrs};

/// How long a list counts. Every connection asks twice a second, and a list costs a dozen system calls.
const FRESH: Duration = Duration::from_millis(250);

thread_local! {
    /// Shared by a thread's connections, and no further: on Linux a network namespace is a thread's.
    static LATEST: RefCell<Option<(Instant, Vec<IpAddr>)>> = const { RefCell::new(None) };
}

/// This machine's addresses, without loopback, link-local ones and interfaces that are down; not older than [`FRESH`].
pub(crate) fn reachable_addresses(now: Instant) -> Vec<IpAddr> {
    LATEST.with_borrow_mut(|latest| match latest {
        Some((at, addresses)) if now.saturating_duration_since(*at) < FRESH => addresses.clone(),
        _ => {
            let addresses = list();
            *latest = Some((now, addresses.clone()));
            addresses
        }
    })
}

fn list() -> Vec<IpAddr> {
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
