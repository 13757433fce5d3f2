//! Chooses the agent for a job that LiveKit dispatched by itself, for example by a SIP rule, and that names no agent:
//! `routing.toml` decides by dialled number, trunk and room.
//! Only what LiveKit's SIP service reports counts, and the part of the room's name that the caller cannot influence.

use std::time::Duration;

use livekit_protocol::ParticipantInfo;

use super::Agents;
use crate::worker::Job;
use sidetone_config::routing::Arrival;
use sidetone_control_plane::control::participant::{self, PHONE_NUMBER};
use sidetone_store::{DispatchMetadata, ParticipantKind};

/// The agent often joins a moment before the telephone; it waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to look whether somebody has joined.
const LOOK: Duration = Duration::from_millis(200);

/// The number that was dialled, or that of the trunk which dialled (LiveKit's SIP attributes).
const DIALLED: &str = "sip.trunkPhoneNumber";
/// LiveKit's id of the trunk.
const TRUNK: &str = "sip.trunkID";

impl Agents {
    /// The agent for a job's call. `None` if the dispatch names one, or no route matches.
    pub(super) async fn route(&self, job: &Job, metadata: &DispatchMetadata) -> Option<String> {
        let routing = self.agents.routing();
        let is_named = metadata.call_id.is_some() || metadata.agent.is_some();
        if is_named || routing.is_empty() {
            return None;
        }
        let caller = match routing.speaks_of_telephones() {
            true => self.first_person(&job.room_name).await,
            false => None,
        };
        let agent = routing.agent(arrival(&job.room_name, caller.as_ref()))?;
        tracing::info!(room = job.room_name, agent, "the call is routed");
        Some(agent.to_owned())
    }

    /// The first participant in the room who is not an agent.
    async fn first_person(&self, room: &str) -> Option<ParticipantInfo> {
        let comes = async {
            loop {
                match self.livekit.participants(room).await {
                    Ok(there) => {
                        let there = there.unwrap_or_default().into_iter();
                        let people =
                            there.filter(|one| participant::kind_of(one) == ParticipantKind::User);
                        if let Some(first) = people.min_by_key(|one| one.joined_at_ms) {
                            return first;
                        }
                    }
                    Err(error) => tracing::warn!(room, %error, "could not read who is in the room"),
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, comes).await.ok()
    }
}

/// What is known of a call.
fn arrival<'a>(room: &'a str, caller: Option<&'a ParticipantInfo>) -> Arrival<'a> {
    let telephone = caller.filter(|caller| participant::is_telephone(caller));
    let said = |key: &str| telephone?.attributes.get(key).map(String::as_str);
    Arrival {
        number: telephone.map(|_| said(DIALLED).unwrap_or_default()),
        trunk: said(TRUNK),
        room: match said(PHONE_NUMBER) {
            Some(own) => before(room, own),
            None => room,
        },
    }
}

/// A room's name up to the caller's own number: LiveKit's SIP rules put it into room names, and callers can show any
/// number they like.
fn before<'a>(room: &'a str, own: &str) -> &'a str {
    let own = own.trim_start_matches('+');
    match room.find(own) {
        Some(at) if !own.is_empty() => room[..at].trim_end_matches('+'),
        _ => room,
    }
}

#[cfg(test)]
mod tests;
