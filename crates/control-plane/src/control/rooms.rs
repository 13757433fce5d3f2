//! LiveKit's rooms and who is in them.

use livekit_api::services::ServiceResult;
use livekit_api::services::room::{RoomClient, SendDataOptions};
use livekit_protocol as proto;

use crate::dispatch::is_not_found;
use sidetone_config::env::LiveKit;
use sidetone_store::ParticipantKind;

/// Topic of messages to the caller's client.
pub const CLIENT_TOPIC: &str = "sidetone.call";

/// LiveKit's room service.
#[derive(Debug)]
pub struct Rooms {
    client: RoomClient,
}

/// What a participant is to a call.
pub fn kind_of(participant: &proto::ParticipantInfo) -> ParticipantKind {
    use proto::participant_info::Kind;
    match participant.kind() {
        Kind::Agent => ParticipantKind::Agent,
        Kind::Standard | Kind::Sip if !is_hidden(participant) => ParticipantKind::User,
        _ => ParticipantKind::Other,
    }
}

fn is_hidden(participant: &proto::ParticipantInfo) -> bool {
    participant
        .permission
        .as_ref()
        .is_some_and(|permission| permission.hidden)
}

impl Rooms {
    /// A client of the server's room service.
    pub fn new(livekit: &LiveKit) -> Self {
        let secret = livekit.api_secret.expose();
        Self {
            client: RoomClient::with_api_key(&livekit.host, &livekit.api_key, secret),
        }
    }

    /// All open rooms.
    ///
    /// # Errors
    /// LiveKit refused or did not answer within 10 s.
    pub async fn list(&self) -> ServiceResult<Vec<proto::Room>> {
        self.client.list_rooms(Vec::new()).await
    }

    /// Who is in a room; none when there is no such room.
    ///
    /// # Errors
    /// LiveKit refused or did not answer within 10 s.
    pub async fn participants(
        &self,
        room: &str,
    ) -> ServiceResult<Option<Vec<proto::ParticipantInfo>>> {
        match self.client.list_participants(room).await {
            Ok(mut list) => {
                let gone = proto::participant_info::State::Disconnected;
                list.retain(|participant| participant.state() != gone);
                Ok(Some(list))
            }
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a JSON message to a room's agents, on a topic. False when there are none.
    ///
    /// # Errors
    /// LiveKit refused or did not answer within 10 s.
    pub async fn tell_agents(
        &self,
        room: &str,
        topic: &str,
        message: &serde_json::Value,
    ) -> ServiceResult<bool> {
        let there = self.participants(room).await?.unwrap_or_default();
        let agents: Vec<String> = there
            .iter()
            .filter(|participant| kind_of(participant) == ParticipantKind::Agent)
            .map(|participant| participant.identity.clone())
            .collect();
        if agents.is_empty() {
            return Ok(false);
        }
        let options = SendDataOptions {
            kind: proto::data_packet::Kind::Reliable,
            topic: Some(topic.into()),
            destination_identities: agents,
            ..Default::default()
        };
        let payload = message.to_string().into_bytes();
        self.client.send_data(room, payload, options).await?;
        Ok(true)
    }

    /// Sends a JSON message to everybody in a room, on [`CLIENT_TOPIC`].
    ///
    /// # Errors
    /// LiveKit refused or did not answer within 10 s.
    pub async fn tell(&self, room: &str, message: &serde_json::Value) -> ServiceResult<()> {
        let options = SendDataOptions {
            kind: proto::data_packet::Kind::Reliable,
            topic: Some(CLIENT_TOPIC.into()),
            ..Default::default()
        };
        self.client
            .send_data(room, message.to_string().into_bytes(), options)
            .await
    }
}
