//! Whether an agent is still the room's current one: another may have been dispatched while its connection was down.

use futures::future::BoxFuture;
use livekit::participant::ParticipantKind;
use livekit::prelude::{LocalParticipant, ParticipantSid, RemoteParticipant, Room};
use tokio::sync::watch;

use sidetone_store::EPOCH_ATTRIBUTE;

/// What the dispatcher knows of an agent.
pub trait Standing: Send + Sync {
    /// The epoch of the dispatch that the agent came for. `None` if dispatches are not counted.
    fn epoch(&self) -> Option<i64>;

    /// The room has been unreachable for so long that another agent must be dispatched.
    fn lost(&self) -> BoxFuture<'static, ()>;

    /// The agent is back in the room. `false` if another was dispatched: this one must leave.
    fn is_ours(&self) -> BoxFuture<'static, bool>;
}

/// The agents of a room that came for a dispatch, each with its epoch.
pub fn agents(room: &Room) -> impl Iterator<Item = (RemoteParticipant, i64)> + use<> {
    let people = room.remote_participants().into_values();
    people.filter_map(|one| {
        let is_agent = one.kind() == ParticipantKind::Agent;
        let epoch = one.attributes().get(EPOCH_ATTRIBUTE)?.parse().ok();
        epoch.filter(|_| is_agent).map(|epoch| (one, epoch))
    })
}

/// Whether an agent may be heard: only in a session that is known to be the room's current one (a renewed connection
/// is a new session), and only while its connection is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The session that is the room's current one.
    pub(super) session: ParticipantSid,
    /// The connection is up, and nothing has to be checked first.
    pub(super) is_open: bool,
}

/// An agent's right to be heard.
pub(super) struct Floor {
    participant: LocalParticipant,
    granted: watch::Receiver<Grant>,
}

impl Floor {
    /// Grants the current session; later ones must be granted.
    pub(super) fn of(room: &Room) -> (watch::Sender<Grant>, Self) {
        let participant = room.local_participant();
        let grant = Grant {
            session: participant.sid(),
            is_open: true,
        };
        let (grants, granted) = watch::channel(grant);
        let floor = Self {
            participant,
            granted,
        };
        (grants, floor)
    }

    /// Waits until the current session may be heard; forever if the granting side is gone, because the call is
    /// ending.
    pub(super) async fn is_ours(&mut self) {
        loop {
            let grant = self.granted.borrow_and_update().clone();
            if grant.is_open && grant.session == self.participant.sid() {
                return;
            }
            if self.granted.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
