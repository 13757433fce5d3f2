//! Calls that agents make: a telephone is called into the room where its agent waits.
//!
//! LiveKit's answer is awaited beside the request that asked for the call, for as long as it rings. A process
//! that dies meanwhile does no harm: the agent sees by itself whether somebody answers, and leaves when nobody
//! does.

use std::time::Duration;

use sidetone_base::lanes::{Full, Width};
use sidetone_store::{Call, Fact, Outcome, StoreError};

use super::Control;
use crate::server_api::NotReached;

/// Longest that a telephone may ring: LiveKit's own limit is 80 s.
pub const LONGEST_RING: Duration = Duration::from_secs(80);

/// Telephones that ring, for this process.
pub(super) const TELEPHONES: Width = Width {
    at_once: 256,
    in_all: 256,
    // The ringing, LiveKit's answer, and what is to be written of it.
    deadline: Duration::from_secs(150),
};

/// A telephone to call.
#[derive(Clone, Debug)]
pub struct Telephone {
    /// Its number.
    pub number: String,
    /// LiveKit's id of the trunk.
    pub trunk: String,
    /// How long it rings at most.
    pub ring: Duration,
}

impl Control {
    /// Calls a telephone into a call's room, without waiting for it.
    ///
    /// # Errors
    /// Too many ring already.
    pub fn dial(&self, call: &Call, telephone: Telephone) -> Result<(), Full> {
        let (this, call) = (self.clone(), call.clone());
        let key = call.id.to_string();
        self.telephones.run(&key, async move {
            let identity = identity(&telephone.number);
            let called = this.livekit.dial(
                &call.room_name,
                &identity,
                (&telephone.trunk, &telephone.number),
                telephone.ring,
                &[],
            );
            let noted = match called.await {
                Ok(()) => this.answered(&call).await,
                Err(why) => this.not_reached(&call, why).await,
            };
            if let Err(error) = noted {
                tracing::error!(call_id = %call.id, %error, "the outcome of dialling could not be stored");
            }
        })
    }

    async fn answered(&self, call: &Call) -> Result<(), StoreError> {
        let (outcome, now) = (Outcome::Answered, sidetone_store::now());
        self.store.dialled(call.id, outcome, None, now).await?;
        Ok(())
    }

    /// The call is over before it began: its agent is not to wait, and its room not to stay.
    pub async fn not_reached(&self, call: &Call, why: NotReached) -> Result<(), StoreError> {
        let NotReached { outcome, reason } = why;
        let now = sidetone_store::now();
        tracing::info!(call_id = %call.id, outcome = outcome.as_str(), reason, "a telephone was not reached");
        (self.store.dialled(call.id, outcome, Some(&reason), now)).await?;
        let over = [Fact::Over {
            at: now,
            hung_up: true,
        }];
        self.store.observe(call.id, None, &over).await?;
        self.agent_ended(&call.room_name).await?;
        if let Err(error) = self.livekit.delete_room(&call.room_name).await {
            tracing::warn!(call_id = %call.id, %error, "the room of an unanswered call could not be closed");
        }
        Ok(())
    }
}

/// As LiveKit's own SIP rules name a telephone.
fn identity(number: &str) -> String {
    format!("sip_{number}")
}
