//! Messages to the participants of a room.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::Control;
use super::participant::{caller_of, has_line, kind_of};
use crate::server_api::{self, ServerApi};
use sidetone_base::clock;
use sidetone_base::signed::Address;
use sidetone_store::{Call, CallType, NewCall, ParticipantKind, Store};

/// Topic of messages to the caller's client.
pub const CLIENT_TOPIC: &str = "sidetone.call";

/// Who sends an agent away to have another one, or a person, asks for them within this.
const FOLLOWED: Duration = Duration::from_secs(4);

/// What the process is called in a room that listens in on a call between people; they do not see it.
pub fn recorder_identity(process: Uuid) -> String {
    format!("sidetone-recorder-{process}")
}

/// Sends a JSON message to the agent of a call, and to somebody `hidden`, on a topic, signed. False when there
/// is neither in the room.
///
/// # Errors
/// LiveKit refused or did not answer within 10 s.
pub async fn tell_agents(
    livekit: &ServerApi,
    room: &str,
    call: Uuid,
    hidden: Option<String>,
    topic: &str,
    message: &serde_json::Value,
) -> server_api::Result<bool> {
    let there = livekit.participants(room).await?.unwrap_or_default();
    let agents: Vec<String> = there
        .iter()
        .filter(|participant| kind_of(participant) == ParticipantKind::Agent)
        .map(|participant| participant.identity.clone())
        .chain(hidden)
        .collect();
    // An empty list of identities would mean everybody.
    if agents.is_empty() {
        return Ok(false);
    }
    order(livekit, room, agents, Some(call), topic, message).await?;
    Ok(true)
}

/// The call of a room that somebody else has made, with a row from now on. None when LiveKit has no such
/// room.
///
/// # Errors
/// LiveKit or the database did not answer.
pub async fn found(control: &Control, room: &str) -> anyhow::Result<Option<Call>> {
    let Some(there) = control.livekit.participants(room).await? else {
        return Ok(None);
    };
    if there.is_empty()
        && control
            .livekit
            .rooms_named(vec![room.to_owned()])
            .await?
            .is_empty()
    {
        return Ok(None);
    }
    let caller = there
        .iter()
        .find(|one| kind_of(one) == ParticipantKind::User);
    let call = NewCall {
        id: Uuid::new_v4(),
        room_name: room.to_owned(),
        caller_id: caller.map(caller_of).unwrap_or_default(),
        callee_id: None,
        call_type: CallType::of_room(room),
        metadata: serde_json::json!({}),
        created_at: sidetone_store::now(),
    };
    Ok(Some(control.store.create_call(&call).await?))
}

/// Sends these agents of a room a signed message; without a `call` it is for whatever call is there.
///
/// # Errors
/// LiveKit refused or did not answer within 10 s.
pub(super) async fn order(
    livekit: &ServerApi,
    room: &str,
    agents: Vec<String>,
    call: Option<Uuid>,
    topic: &str,
    message: &serde_json::Value,
) -> server_api::Result<()> {
    let call = call.map_or_else(String::new, |id| id.to_string());
    let to = Address {
        room,
        topic,
        call: &call,
    };
    let signed = livekit
        .signer()
        .sign(to, clock::wall(), message.to_string());
    livekit.send(room, topic, agents, &signed).await
}

/// Why a caller is alone. The call element has words of its own for each (`web/src/call/notice.ts`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alone {
    /// No worker is free.
    NoAgent,
    /// An agent was there, and could not hold the call.
    AgentFailed,
    /// An agent was there, and its sound found no way to LiveKit.
    NoMedia,
    /// The caller has as many calls as may be.
    TooManyCalls,
}

impl Alone {
    const fn code(self) -> &'static str {
        match self {
            Self::NoAgent => "no-agent",
            Self::AgentFailed => "agent-failed",
            Self::NoMedia => "no-media",
            Self::TooManyCalls => "too-many-calls",
        }
    }

    /// In words, for clients that know no codes.
    const fn reason(self) -> &'static str {
        match self {
            Self::NoAgent => "No agent is free.",
            Self::AgentFailed => "The agent failed.",
            Self::NoMedia => "The agent's sound does not reach the call.",
            Self::TooManyCalls => "You have too many calls at once.",
        }
    }
}

/// What a caller without an agent is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An agent is still asked for.
    Waiting(Alone),
    /// Nobody comes any more.
    Failed(Alone),
}

impl Notice {
    fn message(self) -> serde_json::Value {
        let (kind, why, then) = match self {
            Self::Waiting(why) => ("call.waiting", why, "We keep trying to find one."),
            Self::Failed(why) => ("call.failed", why, "Try again later."),
        };
        let reason = format!("{} {then}", why.reason());
        json!({"type": kind, "code": why.code(), "reason": reason})
    }
}

/// Tells everybody in a room why they are alone, on [`CLIENT_TOPIC`].
///
/// # Errors
/// LiveKit refused or did not answer within 10 s.
pub async fn tell(livekit: &ServerApi, room: &str, notice: Notice) -> server_api::Result<()> {
    let message = notice.message();
    livekit.send(room, CLIENT_TOPIC, Vec::new(), &message).await
}

/// Hangs up on a person whom no agent will answer: a page reads that it is alone, a telephone's line or a
/// messenger's would stay open. Where several people are there, they have each other.
///
/// # Errors
/// LiveKit refused or did not answer within 10 s.
pub async fn hang_up(livekit: &ServerApi, room: &str) -> server_api::Result<()> {
    let there = livekit.participants(room).await?.unwrap_or_default();
    let people = there.iter();
    let people: Vec<_> = people
        .filter(|one| kind_of(one) == ParticipantKind::User)
        .collect();
    match people[..] {
        [alone] if has_line(alone) => livekit.remove_participant(room, &alone.identity).await,
        _ => Ok(()),
    }
}

/// Hangs up on a person whose agent was sent away, if nobody follows it soon: no other agent is asked for or there, and
/// no other person.
pub async fn hang_up_unless_followed(livekit: &ServerApi, store: &Store, room: &str) {
    sleep(FOLLOWED).await;
    let hung_up = async {
        let agent = store.agent_in(room).await?;
        if agent.is_some_and(|agent| agent.state.is_live()) {
            return Ok(());
        }
        let there = livekit.participants(room).await?.unwrap_or_default();
        if there
            .iter()
            .any(|one| kind_of(one) == ParticipantKind::Agent)
        {
            return Ok(());
        }
        anyhow::Ok(hang_up(livekit, room).await?)
    };
    if let Err(error) = hung_up.await {
        tracing::warn!(room, %error, "the telephone could not be hung up: its line may stay open without an agent");
    }
}

#[cfg(test)]
mod tests;
