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

/// An agent's right to be heard: only in a session in the room of which it is known that it is the room's
/// own. A connection that is made anew is another session.
pub(super) struct Floor {
    participant: LocalParticipant,
    granted: watch::Receiver<ParticipantSid>,
}

impl Floor {
    /// The session there is now may be heard; others when they are sent.
    pub(super) fn of(room: &Room) -> (watch::Sender<ParticipantSid>, Self) {
        let participant = room.local_participant();
        let (grants, granted) = watch::channel(participant.sid());
        let floor = Self {
            participant,
            granted,
        };
        (grants, floor)
    }

    /// Waits until the session there is may be heard. Whoever may grant it is gone: the call is ending.
    pub(super) async fn is_ours(&mut self) {
        while *self.granted.borrow_and_update() != self.participant.sid() {
            if self.granted.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
