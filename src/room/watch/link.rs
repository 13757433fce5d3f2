//! The agent's own link to the room: when it is down for long another agent is sent, and when it is made
//! anew the agent first hears whether it is still the room's own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit::prelude::{ParticipantSid, Room};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::super::standing::{Standing, agents};
use sidetone_call::transport::{DisconnectReason, RoomEvent};

/// A link that is down for so long counts as lost. LiveKit's client tries for a minute.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// The agent's link to its room.
pub(in super::super) struct Link {
    standing: Option<Arc<dyn Standing>>,
    /// The session that may be heard.
    grants: watch::Sender<ParticipantSid>,
    /// It is down, and counts as lost then.
    lost_at: Option<Instant>,
    /// Somebody was told.
    is_lost: bool,
}

impl Link {
    pub(in super::super) fn new(
        standing: Option<Arc<dyn Standing>>,
        grants: watch::Sender<ParticipantSid>,
    ) -> Self {
        Self {
            standing,
            grants,
            lost_at: None,
            is_lost: false,
        }
    }

    pub(super) fn is_down(&mut self, now: Instant) {
        self.lost_at.get_or_insert(now + LOST_AFTER);
    }

    /// Resolves when the link counts as lost, once; what it gives says so to others.
    pub(super) async fn lost(&mut self) -> impl Future<Output = ()> + use<> {
        let (Some(at), Some(standing)) = (self.lost_at, &self.standing) else {
            return std::future::pending().await;
        };
        sleep_until(at.into()).await;
        tracing::warn!("the room is lost for {LOST_AFTER:?}: another agent may come");
        let lost = standing.lost();
        (self.lost_at, self.is_lost) = (None, true);
        lost
    }

    /// The link is up again, by `session`. What it gives lets the session be heard, or ends the call, in
    /// which another agent is.
    pub(super) fn is_up(
        &mut self,
        room: &Room,
        session: &ParticipantSid,
        to_call: &mpsc::Sender<RoomEvent>,
    ) -> Option<impl Future<Output = ()> + use<>> {
        self.lost_at = None;
        let was_lost = std::mem::take(&mut self.is_lost);
        if !was_lost && *self.grants.borrow() == *session {
            return None;
        }
        let standing = self.standing.clone();
        let own = standing.as_ref().and_then(|standing| standing.epoch());
        // Whoever came later is in the room already: nobody needs to be asked.
        let is_replaced = own.is_some_and(|own| agents(room).any(|(_, epoch)| epoch > own));
        let (grants, session, to_call) = (self.grants.clone(), session.clone(), to_call.clone());
        Some(async move {
            let is_ours = match standing {
                _ if is_replaced => false,
                Some(standing) => standing.is_ours().await,
                None => true,
            };
            if is_ours {
                grants.send_replace(session);
            } else {
                tracing::warn!("another agent has this call: this one leaves");
                let reason = DisconnectReason::ParticipantRemoved;
                to_call.send(RoomEvent::Closed { reason }).await.ok();
            }
        })
    }
}
