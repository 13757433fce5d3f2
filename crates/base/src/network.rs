//! Networks: whose connections and requests are counted together, and address blocks named in configuration. PURE.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// An IPv4 address, or the /64 of an IPv6 address: that is the least that one customer of an internet provider has, so
/// that nobody counts as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => {
                let network = u128::from(v6) & (u128::MAX << 64);
                Ipv6Addr::from(network).into()
            }
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

/// A block of addresses, written as one address or as CIDR (`10.0.0.0/8`, `2001:db8::/32`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block(IpNet);

/// Why a text is not a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBlock {
    /// It is neither an address nor CIDR.
    #[error("neither an address nor a network in CIDR notation")]
    Unreadable,
    /// It contains all addresses.
    #[error("a network of all addresses")]
    Everybody,
}

impl Block {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Block {
    type Err = NoBlock;

    fn from_str(text: &str) -> Result<Self, NoBlock> {
        let one = text.parse::<IpAddr>().ok();
        let block = one.map(|address| IpNet::from(address.to_canonical()));
        let block = block.or_else(|| text.parse::<IpNet>().ok());
        match block.ok_or(NoBlock::Unreadable)? {
            block if block.prefix_len() == 0 => Err(NoBlock::Everybody),
            block => Ok(Self(block.trunc())),
        }
    }
}

#[cfg(test)]
mod tests;
