//! What connections with their own tasks report to their peer connection.

use std::net::SocketAddr;

use str0m::net::Protocol;

/// One requested allocation; another one at the same server has another id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RelayId(pub(crate) u64);

/// News of a TCP connection or a TURN server.
#[derive(Debug)]
pub(crate) enum News {
    /// A packet from the other side.
    Packet {
        protocol: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        data: Vec<u8>,
    },
    /// A TURN server relays for us at `address`; we reach it from `local`.
    Relayed {
        relay: RelayId,
        address: SocketAddr,
        local: SocketAddr,
    },
    /// A TURN server does not relay for us, or no longer does.
    NotRelayed {
        relay: RelayId,
        url: String,
        reason: String,
    },
}
