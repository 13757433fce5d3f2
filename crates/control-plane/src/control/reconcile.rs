//! Compares what the store believes with LiveKit: events are lost in an outage, rooms are not.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures::stream::{self, StreamExt as _};
use livekit_protocol as proto;
use tokio_util::sync::CancellationToken;

use super::participant::kind_of;
use super::{Control, elsewhere};
use crate::server_api;
use sidetone_store::{At, Call, CallStatus, CallType, Fact, Stay, StoreError};

/// A call whose room never opened is over when its last token has expired (10 min) and then some.
const NEVER_STARTED: TimeDelta = TimeDelta::minutes(15);

/// Calls that are compared at once.
const AT_ONCE: usize = 16;

/// How many rounds pass between two that look into every room.
const BRIEF_ROUNDS: u32 = 9;

/// How closely calls are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// Every room is looked into: a request to LiveKit and a transaction for each call.
    Full,
    /// Only rooms of which LiveKit's list shows that something is not known.
    Brief,
}

/// Runs until `shutdown`: at start, every `interval`, and soon after LiveKit was away.
pub(super) async fn run(control: Control, interval: Duration, shutdown: CancellationToken) {
    let after_outage = interval.min(Duration::from_secs(5));
    let mut brief = 0;
    loop {
        let depth = match brief {
            0 => Depth::Full,
            _ => Depth::Brief,
        };
        let wait = match compare_all(&control, depth).await {
            Ok(_) => {
                brief = if brief == 0 { BRIEF_ROUNDS } else { brief - 1 };
                interval
            }
            Err(error) => {
                tracing::warn!(%error, "calls could not be compared with LiveKit's rooms");
                brief = 0;
                after_outage
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Compares all open calls, and looks into each room; gives the number of those that something new was learned of.
///
/// # Errors
/// LiveKit or the database did not answer.
pub async fn reconcile(control: &Control) -> anyhow::Result<usize> {
    compare_all(control, Depth::Full).await
}

async fn compare_all(control: &Control, depth: Depth) -> anyhow::Result<usize> {
    // Calls first: a room that opens in between is not mistaken for one that is gone.
    let calls = control.store.open_calls().await?;
    if calls.is_empty() {
        return Ok(0);
    }
    let mut rooms = open_rooms(control).await?;
    let is_missed = |call: &Call| was_opened(call) && !rooms.contains_key(&call.room_name);
    if calls.iter().any(is_missed) {
        // A server that was started again has no rooms until everybody is back.
        tokio::time::sleep(control.look_twice).await;
        rooms.extend(open_rooms(control).await?);
        if calls
            .iter()
            .any(|call| was_opened(call) && !rooms.contains_key(&call.room_name))
            && elsewhere::is_another(&control.store, &control.livekit).await?
        {
            anyhow::bail!(elsewhere::ANOTHER);
        }
    }
    let people = match depth {
        Depth::Full => HashMap::new(),
        Depth::Brief => control.store.people_in_open_calls().await?,
    };
    let is_known = |call: &Call| {
        let room = rooms.get(&call.room_name);
        let people = people.get(&call.id).copied().unwrap_or_default();
        depth == Depth::Brief && room.is_some_and(|room| is_as_known(call, people, room))
    };
    // Each for itself: a room that LiveKit is slow to tell of holds up no other.
    let mut compared = stream::iter(calls)
        .map(|call| {
            let known = is_known(&call);
            compare(control, &rooms, call, known)
        })
        .buffer_unordered(AT_ONCE);
    let (mut learned, mut first_error) = (0, None);
    while let Some(one) = compared.next().await {
        match one {
            Ok(new) => learned += usize::from(new),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(learned), Err)
}

/// PURE. Whether LiveKit's list of rooms shows what is stored of a call: caller and agent have met, in this room, and
/// as many people are there. Between people nobody else tells who is muted, so their rooms are looked into.
fn is_as_known(call: &Call, people: u32, room: &proto::Room) -> bool {
    call.call_type == CallType::Support
        && call.status == CallStatus::Connected
        && call.room_sid.as_ref() == Some(&room.sid)
        && people == room.num_participants
}

/// Compares one call, whose room is only looked into if it is not `known`; whether something new was learned of it.
async fn compare(
    control: &Control,
    rooms: &HashMap<String, proto::Room>,
    call: Call,
    known: bool,
) -> anyhow::Result<bool> {
    let now = sidetone_store::now();
    let (sid, facts) = match rooms.get(&call.room_name) {
        Some(_) if known => {
            control.egresses.room_open(&call).await?;
            return Ok(false);
        }
        // Under another id, too: the call goes on there.
        Some(room) => {
            control.egresses.room_open(&call).await?;
            let facts = facts_of_open_room(control, &call, room).await?;
            (Some(room.sid.clone()), facts)
        }
        None if was_opened(&call) => (None, vec![Fact::RoomFinished(now)]),
        None if now - call.last_token_at() > NEVER_STARTED => {
            return Ok(never_started(control, &call, now).await?);
        }
        None => return Ok(false),
    };
    if facts
        .iter()
        .any(|fact| matches!(fact, Fact::RoomFinished(_)))
    {
        control.egresses.room_over(call.id).await?;
    }
    if facts.is_empty() {
        return Ok(false);
    }
    let after = control
        .store
        .observe(call.id, sid.as_deref(), &facts)
        .await?;
    Ok(after.is_some_and(|after| after != call))
}

async fn facts_of_open_room(
    control: &Control,
    call: &Call,
    room: &proto::Room,
) -> anyhow::Result<Vec<Fact>> {
    // Who is known first: somebody who comes in between is not mistaken for one who has left.
    let known = control.store.participants(call.id).await?;
    let Some(there) = control.livekit.participants(&room.name).await? else {
        return Ok(Vec::new());
    };
    let now = sidetone_store::now();
    let seen = there.iter().map(stay_of).map(Fact::Seen);
    let mut facts: Vec<Fact> = opening_of(room).into_iter().chain(seen).collect();
    let there: HashSet<&str> = there
        .iter()
        .map(|participant| participant.sid.as_str())
        .collect();
    for known in known {
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

/// When LiveKit opened a room.
pub(super) fn opening_of(room: &proto::Room) -> Option<Fact> {
    DateTime::from_timestamp_millis(room.creation_time_ms).map(Fact::RoomStarted)
}

/// What a listed participant tells of its stay.
pub(super) fn stay_of(participant: &proto::ParticipantInfo) -> Stay {
    Stay {
        sid: participant.sid.clone(),
        user_id: participant.identity.clone(),
        name: participant.name.clone(),
        kind: kind_of(participant),
        joined_at: DateTime::from_timestamp_millis(participant.joined_at_ms),
        left_at: None,
        muted: microphone_muted(participant).map(|muted| (sidetone_store::now(), muted)),
    }
}

/// None without a microphone.
fn microphone_muted(participant: &proto::ParticipantInfo) -> Option<bool> {
    let microphone = proto::TrackSource::Microphone;
    let mut tracks = participant.tracks.iter();
    tracks
        .find(|track| track.source() == microphone)
        .map(|track| track.muted)
}

fn was_opened(call: &Call) -> bool {
    call.room_sid.is_some() || call.started_at.is_some()
}

/// A token that nobody used is no call; one that an agent was sent for is.
async fn never_started(control: &Control, call: &Call, now: At) -> Result<bool, StoreError> {
    if control
        .store
        .forget_unused(call.id, now - NEVER_STARTED)
        .await?
    {
        tracing::debug!(call_id = %call.id, "a token was never used: its call is deleted");
        return Ok(true);
    }
    let over = [Fact::RoomFinished(now)];
    let after = control.store.observe(call.id, None, &over).await?;
    Ok(after.is_some_and(|after| after != *call))
}

async fn open_rooms(control: &Control) -> server_api::Result<HashMap<String, proto::Room>> {
    let rooms = control.livekit.rooms().await?;
    Ok(rooms
        .into_iter()
        .map(|room| (room.name.clone(), room))
        .collect())
}

#[cfg(test)]
mod tests;
