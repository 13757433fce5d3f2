//! Whether an agent is still its room's own: another may have been sent while its link was lost.

use futures::future::BoxFuture;
use livekit::participant::ParticipantKind;
use livekit::prelude::{LocalParticipant, ParticipantSid, RemoteParticipant, Room};
use tokio::sync::watch;

use sidetone_store::EPOCH_ATTRIBUTE;

/// What whoever sent an agent knows of it.
pub trait Standing: Send + Sync {
    /// Of the asking that the agent has come for; None when nobody counts.
    fn epoch(&self) -> Option<i64>;

    /// The room is lost for so long that another agent is to be sent.
    fn lost(&self) -> BoxFuture<'static, ()>;

    /// The agent is back in the room. False when another was asked for: this one is to leave.
    fn is_ours(&self) -> BoxFuture<'static, bool>;
}

/// The agents of a room that have come for an asking, and its epoch.
pub fn agents(room: &Room) -> impl Iterator<Item = (RemoteParticipant, i64)> + use<> {
    let people = room.remote_participants().into_values();
    people.filter_map(|one| {
        let is_agent = one.kind() == ParticipantKind::Agent;
        let epoch = one.attributes().get(EPOCH_ATTRIBUTE)?.parse().ok();
        epoch.filter(|_| is_agent).map(|epoch| (one, epoch))
    })
}

/// Whether an agent may be heard: only in a session in the room of which it is known that it is the room's
/// own (a connection that is made anew is another session), and only while its link is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The session that is the room's own.
    pub(super) session: ParticipantSid,
    /// Its link is up, and nothing has to be asked first.
    pub(super) is_open: bool,
}

/// An agent's right to be heard.
pub(super) struct Floor {
    participant: LocalParticipant,
    granted: watch::Receiver<Grant>,
}

impl Floor {
    /// The session there is now may be heard; others when they are granted.
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

    /// Waits until the session there is may be heard. Whoever may grant it is gone: the call is ending.
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
