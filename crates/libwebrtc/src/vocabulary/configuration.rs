//! How connections are made.

use std::sync::Arc;

use crate::vocabulary::doorkeeper::MakeDoorkeeper;
use crate::vocabulary::gathering::{ContinualGatheringPolicy, IceServer, IceTransportsType};
use crate::vocabulary::paths::{PathWatch, Paths};

/// How a connection is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RtcConfiguration {
    /// TURN servers. STUN servers are not asked: the other side sees by itself what they would report.
    pub ice_servers: Vec<IceServer>,
    /// Whether to look for new addresses while connected.
    pub continual_gathering_policy: ContinualGatheringPolicy,
    /// Which candidates may be used.
    pub ice_transport_type: IceTransportsType,
    /// Open SCTP inside the SDP exchange. Not used: a peer falls back by itself.
    pub enable_sctp_snap: bool,
    /// The paths to the other side that may be tried, as far as `ice_transport_type` allows them.
    pub paths: Paths,
    /// Observes what is tried.
    pub watch: Option<Arc<PathWatch>>,
    /// Only audio encrypted between the participants passes, in either direction: a track without a cryptor yet, or
    /// with a disabled one, is silent. Data is not affected.
    pub only_encrypted: bool,
    /// The doorkeeper of its channels. `None` selects the process's.
    pub doors: Option<MakeDoorkeeper>,
}

impl RtcConfiguration {
    /// The paths that may be tried.
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
