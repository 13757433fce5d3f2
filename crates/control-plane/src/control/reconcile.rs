//! Compares what the store believes with LiveKit: events are lost in an outage, rooms are not.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use livekit_protocol as proto;
use tokio_util::sync::CancellationToken;

use super::Control;
use super::participant::kind_of;
use sidetone_store::{Call, Fact, Stay};

/// A call whose room never opened is over when its token has expired (10 min) and then some.
const NEVER_STARTED: TimeDelta = TimeDelta::minutes(15);

/// Runs until `shutdown`: at start, every `interval`, and soon after LiveKit was away.
pub(super) async fn run(control: Control, interval: Duration, shutdown: CancellationToken) {
    let after_outage = interval.min(Duration::from_secs(5));
    loop {
        let wait = match reconcile(&control).await {
            Ok(_) => interval,
            Err(error) => {
                tracing::warn!(%error, "calls could not be compared with LiveKit");
                after_outage
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Compares all open calls; gives the number of those that something new was learned of.
///
/// # Errors
/// LiveKit or the database did not answer.
pub async fn reconcile(control: &Control) -> anyhow::Result<usize> {
    // Calls first: a room that opens in between is not mistaken for one that is gone.
    let calls = control.store.open_calls().await?;
    if calls.is_empty() {
        return Ok(0);
    }
    let rooms: HashMap<String, proto::Room> = control
        .livekit
        .rooms()
        .await?
        .into_iter()
        .map(|room| (room.name.clone(), room))
        .collect();
    let mut learned = 0;
    for call in calls {
        let (sid, facts) = match rooms.get(&call.room_name) {
            Some(room) if call.room_sid.as_ref().is_none_or(|sid| *sid == room.sid) => {
                control.egresses.room_open(&call).await?;
                let facts = facts_of_open_room(control, &call, room).await?;
                (Some(room.sid.clone()), facts)
            }
            _ => (None, facts_of_no_room(&call)),
        };
        if facts
            .iter()
            .any(|fact| matches!(fact, Fact::RoomFinished(_)))
        {
            control.egresses.room_over(call.id).await?;
        }
        if !facts.is_empty() {
            let after = control
                .store
                .observe(call.id, sid.as_deref(), &facts)
                .await?;
            learned += usize::from(after.is_some_and(|after| after != call));
        }
    }
    Ok(learned)
}

async fn facts_of_open_room(
    control: &Control,
    call: &Call,
    room: &proto::Room,
) -> anyhow::Result<Vec<Fact>> {
    let Some(there) = control.livekit.participants(&room.name).await? else {
        return Ok(Vec::new());
    };
    let now = sidetone_store::now();
    let mut facts: Vec<Fact> = DateTime::from_timestamp_millis(room.creation_time_ms)
        .map(Fact::RoomStarted)
        .into_iter()
        .collect();
    for participant in &there {
        facts.push(Fact::Seen(Stay {
            sid: participant.sid.clone(),
            user_id: participant.identity.clone(),
            name: participant.name.clone(),
            kind: kind_of(participant),
            joined_at: DateTime::from_timestamp_millis(participant.joined_at_ms),
            left_at: None,
            muted: microphone_muted(participant).map(|muted| (now, muted)),
        }));
    }
    let there: HashSet<&str> = there
        .iter()
        .map(|participant| participant.sid.as_str())
        .collect();
    for known in control.store.participants(call.id).await? {
        if known.left_at.is_none() && !there.contains(known.participant_sid.as_str()) {
            facts.push(Fact::Seen(Stay {
                sid: known.participant_sid,
                user_id: known.user_id,
                name: known.participant_name,
                kind: known.kind,
                joined_at: known.joined_at,
                left_at: Some(now),
                muted: None,
            }));
        }
    }
    Ok(facts)
}

/// None without a microphone.
fn microphone_muted(participant: &proto::ParticipantInfo) -> Option<bool> {
    let microphone = proto::TrackSource::Microphone;
    let mut tracks = participant.tracks.iter();
    tracks
        .find(|track| track.source() == microphone)
        .map(|track| track.muted)
}

fn facts_of_no_room(call: &Call) -> Vec<Fact> {
    let now = sidetone_store::now();
    let opened = call.room_sid.is_some() || call.started_at.is_some();
    if opened || now - call.created_at > NEVER_STARTED {
        vec![Fact::RoomFinished(now)]
    } else {
        Vec::new()
    }
}
