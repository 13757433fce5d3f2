//! How connections are made.

use std::sync::Arc;

use crate::vocabulary::doorkeeper::MakeDoorkeeper;
use crate::vocabulary::gathering::{ContinualGatheringPolicy, IceServer, IceTransportsType};
use crate::vocabulary::paths::{PathWatch, Paths};

/// How a connection is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RtcConfiguration {
    /// TURN servers. STUN servers are not asked: what they would tell, the other side sees by itself.
    pub ice_servers: Vec<IceServer>,
    /// Whether to look for new addresses while connected.
    pub continual_gathering_policy: ContinualGatheringPolicy,
    /// Which candidates may be used.
    pub ice_transport_type: IceTransportsType,
    /// Open SCTP inside the SDP exchange. Not used: a peer falls back by itself.
    pub enable_sctp_snap: bool,
    /// The ways to the other side that may be tried, as far as `ice_transport_type` allows them.
    pub paths: Paths,
    /// Sees what is tried.
    pub watch: Option<Arc<PathWatch>>,
    /// No sound passes, in either direction, that is not encrypted between the participants: a track to which
    /// its cryptor has not come yet, or is disabled, is silent. It says nothing of data.
    pub only_encrypted: bool,
    /// Who looks at what its channels bring; none: who does so for the process.
    pub doors: Option<MakeDoorkeeper>,
}

impl RtcConfiguration {
    /// The ways that may be tried.
    pub(crate) fn allowed_paths(&self) -> Paths {
        match self.ice_transport_type {
            IceTransportsType::Relay => Paths {
                relay: self.paths.relay,
                ..Paths::RELAY
            },
            IceTransportsType::NoHost | IceTransportsType::All => self.paths,
        }
    }
}

impl Default for RtcConfiguration {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            continual_gathering_policy: ContinualGatheringPolicy::GatherContinually,
            ice_transport_type: IceTransportsType::All,
            enable_sctp_snap: false,
            paths: Paths::ALL,
            watch: None,
            only_encrypted: false,
            doors: None,
        }
    }
}
