//! The body of LiveKit's webhook events, as far as we act on it.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer};

use crate::control::egress;
use crate::control::egress::status::{Report, ReportedFile};
use crate::control::participant::kind_named;
use crate::server_api::TRANSFER;
use sidetone_store::{At, EPOCH_ATTRIBUTE, Fact, ParticipantKind, Stay};

/// Longest LiveKit name or id accepted, in characters. LiveKit's own default limit is 256; at four bytes each, this
/// still fits into a Postgres index (2,704 bytes).
pub const LONGEST_NAME: usize = 512;

/// The part of an event's body that we act on. Other fields, of any server version, are ignored. LiveKit writes
/// 64-bit numbers as strings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EventBody {
    /// Such as `participant_joined`.
    pub event: String,
    /// `EV_…`
    pub id: String,
    /// Seconds since 1970.
    #[serde(deserialize_with = "number")]
    pub created_at: i64,
    room: Option<Room>,
    participant: Option<Participant>,
    pub(super) egress_info: Option<Egress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Room {
    sid: String,
    name: String,
    #[serde(deserialize_with = "number")]
    creation_time: i64,
    #[serde(deserialize_with = "number")]
    creation_time_ms: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Participant {
    sid: String,
    identity: String,
    name: String,
    kind: String,
    #[serde(deserialize_with = "number")]
    joined_at: i64,
    #[serde(deserialize_with = "number")]
    joined_at_ms: i64,
    permission: Permission,
    attributes: HashMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Permission {
    hidden: bool,
    recorder: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Egress {
    egress_id: String,
    room_id: String,
    room_name: String,
    status: String,
    error: String,
    file_results: Vec<EgressFile>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EgressFile {
    filename: String,
    location: String,
    /// Nanoseconds since 1970.
    #[serde(deserialize_with = "number")]
    started_at: i64,
    /// Nanoseconds.
    #[serde(deserialize_with = "number")]
    duration: i64,
    #[serde(deserialize_with = "number")]
    size: i64,
}

impl Egress {
    pub(super) fn report(&self) -> Report {
        let file = self.file_results.first().map(|file| ReportedFile {
            key: file.filename.clone(),
            url: file.location.clone(),
            bytes: file.size,
            duration_ms: file.duration / 1_000_000,
            started_at: (file.started_at > 0)
                .then(|| sidetone_store::micros(DateTime::from_timestamp_nanos(file.started_at))),
        });
        Report {
            egress_id: self.egress_id.clone(),
            status: egress::status_named(&self.status),
            error: self.error.clone(),
            file,
        }
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Plain(i64),
        Text(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Plain(number) => Ok(number),
        Number::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

impl EventBody {
    /// The room the event is about.
    pub fn room_name(&self) -> Option<&str> {
        let room = self.room.as_ref().map(|room| room.name.as_str());
        let egress = self
            .egress_info
            .as_ref()
            .map(|egress| egress.room_name.as_str());
        room.or(egress).filter(|name| !name.is_empty())
    }

    /// LiveKit's id of that room.
    pub fn room_sid(&self) -> Option<&str> {
        let room = self.room.as_ref().map(|room| room.sid.as_str());
        let egress = self
            .egress_info
            .as_ref()
            .map(|egress| egress.room_id.as_str());
        room.or(egress).filter(|sid| !sid.is_empty())
    }

    /// Whether it is about an egress: its object must be deleted even if its call is erased.
    pub fn is_of_egress(&self) -> bool {
        self.egress_info.is_some()
    }

    /// A field that is longer than [`LONGEST_NAME`], and its length.
    pub fn too_long(&self) -> Option<(&'static str, usize)> {
        let room = self.room.as_ref();
        let person = self.participant.as_ref();
        let egress = self.egress_info.as_ref();
        [
            ("id", Some(&self.id)),
            ("event", Some(&self.event)),
            ("room.name", room.map(|room| &room.name)),
            ("room.sid", room.map(|room| &room.sid)),
            ("participant.identity", person.map(|p| &p.identity)),
            ("participant.sid", person.map(|p| &p.sid)),
            ("egressInfo.egressId", egress.map(|e| &e.egress_id)),
            ("egressInfo.roomName", egress.map(|e| &e.room_name)),
            ("egressInfo.roomId", egress.map(|e| &e.room_id)),
        ]
        .into_iter()
        .find_map(|(field, text)| {
            let length = text?.chars().count();
            (length > LONGEST_NAME).then_some((field, length))
        })
    }

    /// LiveKit's id of the participant's stay.
    pub(super) fn participant_sid(&self) -> Option<&str> {
        let participant = self.participant.as_ref()?;
        Some(participant.sid.as_str()).filter(|sid| !sid.is_empty())
    }

    /// The stay of a person who has just joined. `None` for other events.
    pub(super) fn newcomer(&self) -> Option<&str> {
        let participant = self.participant.as_ref()?;
        let joined = self.event == "participant_joined";
        (joined && participant.kind() == ParticipantKind::User)
            .then(|| self.participant_sid())
            .flatten()
    }

    /// For a person's leave: whether an agent had called them to put its caller through. `None` for other events.
    pub(super) fn person_left(&self) -> Option<bool> {
        let participant = self.participant.as_ref()?;
        let left = ["participant_left", "participant_connection_aborted"];
        (left.contains(&self.event.as_str()) && participant.kind() == ParticipantKind::User)
            .then(|| participant.attributes.contains_key(TRANSFER))
    }

    /// Whether LiveKit closed the room.
    pub(super) fn is_end(&self) -> bool {
        self.event == "room_finished"
    }

    /// The identity of the agent that it is about, and the epoch that it says it has come for.
    pub(super) fn agent(&self) -> Option<(&str, Option<i64>)> {
        let agent = self.participant.as_ref()?;
        let epoch = agent.attributes.get(EPOCH_ATTRIBUTE);
        let epoch = epoch.and_then(|epoch| epoch.parse().ok());
        (agent.kind() == ParticipantKind::Agent).then_some((agent.identity.as_str(), epoch))
    }

    /// The facts about its call. LiveKit's events are redundant: each one says when the room was created and the
    /// participant joined, so the next event makes up for a lost one.
    pub fn facts(&self, received_at: At) -> Vec<Fact> {
        let at = self.precise_time(received_at);
        let mut facts = Vec::new();
        if let Some(room) = &self.room {
            facts.extend(moment(room.creation_time_ms, room.creation_time).map(Fact::RoomStarted));
        }
        match self.event.as_str() {
            // Events of tracks name their participant, too, but not its kind.
            "participant_joined" => facts.extend(self.stay(None)),
            "participant_left" | "participant_connection_aborted" => {
                facts.extend(self.stay(Some(at)));
            }
            "room_finished" => facts.push(Fact::RoomFinished(at)),
            _ => {}
        }
        facts
    }

    fn stay(&self, left_at: Option<At>) -> Option<Fact> {
        let participant = self.participant.as_ref().filter(|p| !p.sid.is_empty())?;
        Some(Fact::Seen(Stay {
            sid: participant.sid.clone(),
            user_id: participant.identity.clone(),
            name: participant.name.clone(),
            kind: participant.kind(),
            joined_at: moment(participant.joined_at_ms, participant.joined_at),
            left_at,
            muted: None,
        }))
    }

    /// LiveKit reports whole seconds. If the event arrived within that second, the arrival is the more precise time;
    /// otherwise the second's end, so that nobody leaves before having joined.
    fn precise_time(&self, received_at: At) -> At {
        let Some(second) = DateTime::from_timestamp(self.created_at, 0) else {
            return received_at;
        };
        received_at.clamp(second, second + TimeDelta::milliseconds(999))
    }
}

impl Participant {
    fn kind(&self) -> ParticipantKind {
        let is_hidden = self.permission.hidden || self.permission.recorder;
        kind_named(&self.kind, is_hidden)
    }
}

fn moment(millis: i64, seconds: i64) -> Option<DateTime<Utc>> {
    match (millis, seconds) {
        (0, 0) => None,
        (0, seconds) => DateTime::from_timestamp(seconds, 0),
        (millis, _) => DateTime::from_timestamp_millis(millis),
    }
}

#[cfg(test)]
mod tests;
