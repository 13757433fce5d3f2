//! How ICE looks for addresses, and why that fails.

/// STUN or TURN servers that share credentials.
#[derive(Debug, Clone)]
pub struct IceServer {
    /// Their addresses: `turn:host:port?transport=udp` or `tcp`, `turns:host:port`.
    pub urls: Vec<String>,
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// Whether to look for new addresses while connected.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ContinualGatheringPolicy {
    GatherOnce,
    GatherContinually,
}

/// Which candidates may be used. `NoHost` is treated like `All`: there are only host candidates and relays.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IceTransportsType {
    Relay,
    NoHost,
    All,
}

/// Why gathering from a server failed.
#[derive(Debug, Clone)]
pub struct IceCandidateError {
    /// Our address.
    pub address: String,
    /// Our port.
    pub port: i32,
    /// The server.
    pub url: String,
    /// The status code of its answer.
    pub error_code: i32,
    /// The text of its answer.
    pub error_text: String,
}
