//! What handles ask a connection's task to do.

use tokio::sync::{mpsc, oneshot};

use crate::vocabulary::error::RtcError;
use crate::vocabulary::ice_candidate::IceCandidate;
use crate::vocabulary::session_description::SessionDescription;
use crate::vocabulary::stats::RtcStats;

type Reply<T> = oneshot::Sender<Result<T, RtcError>>;

/// Each carries the sender for its answer.
pub(crate) enum Command {
    CreateOffer {
        ice_restart: bool,
        reply: Reply<SessionDescription>,
    },
    CreateAnswer {
        reply: Reply<SessionDescription>,
    },
    SetLocal {
        description: SessionDescription,
        reply: Reply<()>,
    },
    SetRemote {
        description: SessionDescription,
        reply: Reply<()>,
    },
    AddCandidate {
        candidate: IceCandidate,
        reply: Reply<()>,
    },
    GetStats {
        filter: StatsFilter,
        reply: Reply<Vec<RtcStats>>,
    },
}

impl Command {
    /// Sends a command and waits for its answer.
    pub(crate) async fn ask<T>(
        commands: &mpsc::Sender<Command>,
        make: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, RtcError> {
        let (reply, answer) = oneshot::channel();
        commands
            .send(make(reply))
            .await
            .map_err(|_| RtcError::closed())?;
        answer.await.map_err(|_| RtcError::closed())?
    }
}

/// Which reports are requested.
#[derive(Debug, Clone)]
pub(crate) enum StatsFilter {
    All,
    /// One direction of one media section.
    Section {
        mid: String,
        outbound: bool,
    },
}
