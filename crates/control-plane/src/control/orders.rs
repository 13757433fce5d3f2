//! Gives the agent of a call an order, and takes its answer.
//!
//! Whatever is needed is in the store and in the request, so any control plane can give any order.

use std::time::Duration;

use super::Control;
use crate::server_api::Answer;
use sidetone_base::clock;
use sidetone_base::hand::{Command, Done, METHOD, Order, Outcome};
use sidetone_base::signed::Address;
use sidetone_store::Call;

/// How long an agent may take to answer. It answers at once, but for what its room is busy with.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// The agent has answered.
    Answered(Outcome),
    /// No agent is in the call.
    NoAgent,
    /// The agent knows no orders: it is of an earlier version.
    NotKnown,
    /// The agent did not answer in time. Whether it has done it is not known.
    Silence,
}

impl Control {
    /// Gives the agent of this call an order.
    ///
    /// # Errors
    /// The database or LiveKit did not answer.
    pub async fn order(&self, call: &Call, order: &Order) -> anyhow::Result<Ordered> {
        let room = &call.room_name;
        let agent = self.store.agent_in(room).await?;
        let agent = agent.filter(|agent| agent.state.is_live() && agent.call_id == Some(call.id));
        let Some(identity) = agent.and_then(|agent| agent.agent_identity) else {
            return Ok(Ordered::NoAgent);
        };
        let (keys, id) = (self.livekit.signer(), call.id.to_string());
        let body = serde_json::to_string(order)?;
        let to = Address {
            room,
            topic: METHOD,
            call: &id,
        };
        let signed = || keys.sign(to, clock::wall(), body.clone()).to_string();
        let asked = self
            .livekit
            .ask(room, &identity, METHOD, ANSWERS_WITHIN, signed);
        match asked.await {
            Answer::Given(outcome) => Ok(Ordered::Answered(serde_json::from_str(&outcome)?)),
            Answer::Refused(what) => {
                tracing::warn!(room, what, "an agent takes no commands");
                Ok(Ordered::NotKnown)
            }
            Answer::Silence(what) => {
                let there = self.livekit.participants(room).await?.unwrap_or_default();
                let is_gone = !there.iter().any(|one| one.identity == identity);
                tracing::warn!(room, what, is_gone, "an agent did not answer a command");
                Ok(match (is_gone, &order.command) {
                    (true, Command::End { .. }) => Ordered::Answered(Outcome::Done(Done::Ending)),
                    (true, _) => Ordered::NoAgent,
                    (false, _) => Ordered::Silence,
                })
            }
            Answer::Unknown(what) => anyhow::bail!("{what}"),
        }
    }
}
