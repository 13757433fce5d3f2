//! The agent's own link to the room: while it is down nothing is said, when it is down for long another agent
//! is sent, and when it is made anew the agent first hears whether it is still the room's own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit::prelude::Room;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::super::pulse::Beat;
use super::super::standing::{Grant, Standing, agents};
use sidetone_base::clock;
use sidetone_call::transport::{DisconnectReason, RoomEvent};

/// A link that is down for so long counts as lost. LiveKit's client tries for a minute.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// The agent's link to its room.
pub(in super::super) struct Link {
    standing: Option<Arc<dyn Standing>>,
    /// Whether the agent may be heard.
    grants: watch::Sender<Grant>,
    /// LiveKit's client is connecting anew since.
    connecting: Option<Instant>,
    /// Nothing has arrived since.
    silent: Option<Instant>,
    /// Somebody was told that it is lost.
    is_lost: bool,
    /// Another agent may have been sent: not heard again before it is known that none was.
    is_doubtful: bool,
}

impl Link {
    pub(in super::super) fn new(
        standing: Option<Arc<dyn Standing>>,
        grants: watch::Sender<Grant>,
    ) -> Self {
        Self {
            standing,
            grants,
            connecting: None,
            silent: None,
            is_lost: false,
            is_doubtful: false,
        }
    }

    pub(super) fn is_down(&mut self, now: Instant) {
        self.connecting.get_or_insert(now);
    }

    /// The link is up again. What this gives lets the agent's session be heard, or ends the call, in which
    /// another agent is.
    pub(super) fn is_up(
        &mut self,
        room: &Room,
        to_call: &mpsc::Sender<RoomEvent>,
    ) -> Option<impl Future<Output = ()> + use<>> {
        self.connecting = None;
        self.settles(room, to_call)
    }

    /// What arrives over the link, or does not: sound that goes out meanwhile nobody hears.
    pub(super) async fn beat(
        &mut self,
        beat: Beat,
        room: &Room,
        to_call: &mpsc::Sender<RoomEvent>,
    ) -> Option<impl Future<Output = ()> + use<>> {
        match beat {
            Beat::Silent(since) => {
                tracing::warn!("nothing arrives from the room: the agent is silent until it does");
                self.silent = Some(since);
                self.unheard_since(since, to_call).await;
                None
            }
            Beat::Stopped(since) => {
                tracing::warn!("this process was stopped: the agent waits until its place is sure");
                self.is_doubtful = true;
                self.unheard_since(since, to_call).await;
                self.settles(room, to_call)
            }
            Beat::Renewed(since) => {
                tracing::warn!("the link was made anew: the agent says again what nobody heard");
                self.unheard_since(since, to_call).await;
                self.settles(room, to_call)
            }
            Beat::Back => {
                self.silent = None;
                self.settles(room, to_call)
            }
        }
    }

    /// The agent waits, and takes back what it has said since then.
    async fn unheard_since(&mut self, since: Instant, to_call: &mpsc::Sender<RoomEvent>) {
        self.grants.send_modify(|grant| grant.is_open = false);
        let unheard = clock::now().saturating_duration_since(since);
        to_call.send(RoomEvent::NotHeard(unheard)).await.ok();
    }

    /// Resolves when the link counts as lost, once; what it gives says so to others.
    pub(super) async fn lost(&mut self) -> impl Future<Output = ()> + use<> {
        let down = self.connecting.into_iter().chain(self.silent).min();
        let (Some(since), Some(standing), false) = (down, &self.standing, self.is_lost) else {
            return std::future::pending().await;
        };
        sleep_until((since + LOST_AFTER).into()).await;
        tracing::warn!("the room is lost for {LOST_AFTER:?}: another agent may come");
        self.is_lost = true;
        self.is_doubtful = true;
        standing.lost()
    }

    /// Once all of the link is up: whether the agent is still the room's own.
    fn settles(
        &mut self,
        room: &Room,
        to_call: &mpsc::Sender<RoomEvent>,
    ) -> Option<impl Future<Output = ()> + use<>> {
        if self.connecting.is_some() || self.silent.is_some() {
            return None;
        }
        let session = room.local_participant().sid();
        self.is_lost = false;
        let is_sure = !std::mem::take(&mut self.is_doubtful);
        let is_known = is_sure && self.grants.borrow().session == session;
        self.grants.send_modify(|grant| grant.is_open = is_known);
        if is_known {
            return None;
        }
        let standing = self.standing.clone();
        let own = standing.as_ref().and_then(|standing| standing.epoch());
        // Whoever came later is in the room already: nobody needs to be asked.
        let is_replaced = own.is_some_and(|own| agents(room).any(|(_, epoch)| epoch > own));
        let (grants, to_call) = (self.grants.clone(), to_call.clone());
        Some(async move {
            let is_ours = match standing {
                _ if is_replaced => false,
                Some(standing) => standing.is_ours().await,
                None => true,
            };
            if is_ours {
                let is_open = true;
                grants.send_replace(Grant { session, is_open });
            } else {
                tracing::warn!("another agent has this call: this one leaves");
                let reason = DisconnectReason::ParticipantRemoved;
                to_call.send(RoomEvent::Closed { reason }).await.ok();
            }
        })
    }
}
