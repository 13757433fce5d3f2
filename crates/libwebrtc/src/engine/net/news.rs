//! What connections with tasks of their own tell their peer connection.

use std::net::SocketAddr;

use str0m::net::Protocol;

/// News of a TCP connection or a TURN server.
#[derive(Debug)]
pub(crate) enum News {
    /// A packet of the other side.
    Packet {
        protocol: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        data: Vec<u8>,
    },
    /// A TURN server relays for us at `address`; we reach it from `local`.
    Relayed {
        url: String,
        address: SocketAddr,
        local: SocketAddr,
    },
    /// A TURN server does not relay for us, or no more.
    NotRelayed { url: String, reason: String },
}
