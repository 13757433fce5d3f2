//! Works through LiveKit's events from the store, so that a crash loses none.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer};
use tokio_util::sync::CancellationToken;

use super::egress::status::{Report, ReportedFile};
use super::participant::kind_named;
use super::{Control, egress};
use sidetone_store::dispatches::DispatchState;
use sidetone_store::inbox::Event;
use sidetone_store::{At, Fact, ParticipantKind, Stay, StoreError};

/// How often the store is looked at without being told to: another process may have written.
const POLL: Duration = Duration::from_secs(1);
const BATCH: i64 = 100;

/// The part of an event's body that we act on. Other fields, of any server version, are passed
/// over. LiveKit writes 64-bit numbers as strings.
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
    egress_info: Option<Egress>,
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
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Permission {
    hidden: bool,
    recorder: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Egress {
    egress_id: String,
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
    fn report(&self) -> Report {
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

    fn room_sid(&self) -> Option<&str> {
        self.room
            .as_ref()
            .map(|room| room.sid.as_str())
            .filter(|sid| !sid.is_empty())
    }

    fn is_agent(&self) -> bool {
        self.participant
            .as_ref()
            .is_some_and(|p| p.kind() == ParticipantKind::Agent)
    }

    /// What the event tells of its call. LiveKit's events repeat themselves: every one of them
    /// says when the room and the participant came, so one that was lost is made good by the next.
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

    /// LiveKit gives whole seconds. When the event came within that second, its arrival is the
    /// better time; else the second's end, so that nobody leaves before having come.
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

/// Runs until `shutdown`.
pub(super) async fn run(control: Control, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = control.events.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
        if let Err(error) = work_through(&control).await {
            tracing::error!(%error, "LiveKit's events wait for the database");
        }
    }
}

/// Works through all that waits; gives the number of events.
///
/// # Errors
/// The database did not answer; what is left waits.
pub async fn work_through(control: &Control) -> Result<usize, StoreError> {
    let mut done = 0;
    loop {
        let events = control.store.waiting_events(BATCH).await?;
        for event in &events {
            match act(control, event).await {
                Ok(note) => {
                    control
                        .store
                        .event_done(&event.id, sidetone_store::now(), &note)
                        .await?
                }
                Err(error) => {
                    tracing::error!(event = event.id, %error, "an event could not be acted on");
                    control
                        .store
                        .event_failed(&event.id, sidetone_store::now(), &error.to_string())
                        .await?;
                }
            }
        }
        done += events.len();
        if events.len() < BATCH as usize {
            return Ok(done);
        }
    }
}

/// Acts on one event; gives a note for whoever reads the table.
async fn act(control: &Control, event: &Event) -> anyhow::Result<String> {
    let body = EventBody::deserialize(&event.payload.0)?;
    let Some(room) = body.room_name() else {
        return Ok("about no room".into());
    };
    match (body.event.as_str(), body.is_agent()) {
        ("participant_joined", true) => control.guard.agent_joined(room).await,
        ("participant_left" | "participant_connection_aborted", true) => {
            control.guard.agent_left(room).await
        }
        ("room_finished", _) => {
            control.guard.over(room).await;
            let ended = DispatchState::Ended;
            if control
                .store
                .agent_in(room)
                .await?
                .is_some_and(|a| a.state != DispatchState::Failed)
            {
                control
                    .store
                    .agent_is(room, ended, sidetone_store::now(), None)
                    .await?;
            }
        }
        _ => {}
    }
    let call = control.store.call_in_room(room, body.room_sid()).await?;
    if let Some(egress) = &body.egress_info {
        // Also without a call: its data was deleted, the object is still to go.
        let call_id = call.as_ref().map(|call| call.id);
        control.egresses.told(egress.report(), call_id).await?;
    }
    let Some(call) = call else {
        return Ok("no call of ours".into());
    };
    match body.event.as_str() {
        // The second: whoever joins may bring an agent that is to be recorded.
        "room_started" | "participant_joined" => control.egresses.room_open(&call).await?,
        "room_finished" => control.egresses.room_over(call.id).await?,
        _ => {}
    }
    let facts = body.facts(event.received_at);
    let call = control
        .store
        .observe(call.id, body.room_sid(), &facts)
        .await?;
    Ok(call.map_or_else(
        || "the call is gone".into(),
        |call| format!("call {} {}", call.id, call.status.as_str()),
    ))
}

#[cfg(test)]
mod tests;
