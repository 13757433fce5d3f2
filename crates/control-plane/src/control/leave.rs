//! Ends an agent: it is asked to leave, and its dispatch is withdrawn when it has, or at the end of its
//! time. LiveKit then removes whoever is still there.

use std::time::Duration;

use tokio::time::{sleep, sleep_until};

use super::{Control, rooms};
use crate::dispatch::leave::{LEAVE_TOPIC, request};
use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;
use sidetone_store::dispatches::Dispatch;

/// How often it is looked whether the agent has left.
const LOOK: Duration = Duration::from_millis(500);

impl Control {
    /// Ends a room's agent: it says its sentence and leaves. None comes any more when somebody joins. False
    /// when none was wanted there.
    ///
    /// # Errors
    /// The database or LiveKit did not answer.
    pub async fn end_agent(&self, room: &str) -> anyhow::Result<bool> {
        let was_awaited = self.store.awaited_no_more(room).await?;
        let agent = self.store.agent_in(room).await?;
        let Some(agent) = agent.filter(|agent| agent.state.is_live()) else {
            return Ok(was_awaited);
        };
        self.agent_ended(room).await?;
        let Some(dispatch_id) = agent.dispatch_id.clone() else {
            return Ok(true);
        };
        let asked = self.ask_to_leave(&agent, &dispatch_id).await;
        if asked.is_none() {
            // It is not in the room yet, or cannot be asked.
            self.guard.dispatcher().delete(room, &dispatch_id).await?;
        }
        let (this, room) = (self.clone(), room.to_owned());
        // What of it a shutdown cuts short, an agent that was asked does all the same.
        tokio::spawn(async move {
            if let Some(identity) = asked {
                this.withdraw(&room, &identity, &dispatch_id).await;
            }
            rooms::hang_up_unless_followed(&this.livekit, &this.store, &room).await;
        });
        Ok(true)
    }

    /// Asks the agent; its identity, if it could be.
    async fn ask_to_leave(&self, agent: &Dispatch, dispatch_id: &str) -> Option<String> {
        let identity = agent.agent_identity.clone()?;
        let (room, message) = (&agent.room_name, request(dispatch_id, LeaveBy::ASKED));
        let (livekit, to) = (&self.livekit, vec![identity.clone()]);
        let asked = rooms::order(livekit, room, to, agent.call_id, LEAVE_TOPIC, &message);
        match asked.await {
            Ok(()) => Some(identity),
            Err(error) => {
                tracing::warn!(room, %error, "an agent could not be asked to leave: it is removed");
                None
            }
        }
    }

    /// Withdraws a dispatch when its agent is gone, or its time is over.
    async fn withdraw(&self, room: &str, identity: &str, dispatch_id: &str) {
        let over = LeaveBy::within(clock::now(), LeaveBy::ASKED).end();
        tokio::select! {
            () = sleep_until(over.into()) => {
                tracing::warn!(room, "the agent has not left in its time: it is removed");
            }
            () = self.gone(room, identity) => {}
        }
        if let Err(error) = self.guard.dispatcher().delete(room, dispatch_id).await {
            tracing::warn!(room, %error, "the dispatch of an agent that has left could not be deleted");
        }
    }

    /// Waits until nobody of this identity is in the room.
    async fn gone(&self, room: &str, identity: &str) {
        loop {
            sleep(LOOK).await;
            let Ok(people) = self.livekit.participants(room).await else {
                continue;
            };
            let mut people = people.into_iter().flatten();
            if !people.any(|person| person.identity == identity) {
                return;
            }
        }
    }
}
