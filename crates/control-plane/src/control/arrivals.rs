//! Somebody joins a room: the agent that its token awaits is asked for, and a call that was over goes on
//! or another begins.
//!
//! LiveKit's events tell of it at once; without them the rooms that tokens were given for, and those of
//! calls that are just over, are looked at again and again. LiveKit could ask for the agent itself, by a
//! room configuration in the token. It would ask only when the room is *created*, so not for somebody who
//! comes back; with the call that the token was given for, which may be over; and the caller could read
//! in the token what the agent is told.

mod back;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use livekit_protocol as proto;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::participant::kind_of;
use super::reconcile::{opening_of, stay_of};
use super::{Control, rooms};
use sidetone_base::clock;
use sidetone_base::lanes::{Lanes, Width};
use sidetone_store::dispatches::DispatchState;
use sidetone_store::{Call, CallType, Fact, NewCall, ParticipantKind, Stay, StoreError};

use back::{Back, comes_back};

/// Rooms that are to be looked at; when it is full, the next round finds them.
const QUEUE: usize = 256;
/// A token's room is looked at for so long: the token is good for ten minutes.
const AWAITED: TimeDelta = TimeDelta::minutes(15);
/// The room of a call that is over is looked at for so long.
const REMEMBERED: TimeDelta = TimeDelta::minutes(10);
/// Rooms of one round, of either kind.
const AT_ONCE: i64 = 1_000;
/// Time between two rounds while somebody is likely to join, and else. Those who come back are looked for
/// no more often than the longer.
const SOON: Duration = Duration::from_millis(500);
const LATER: Duration = Duration::from_secs(2);
/// A token is most likely used within this.
const LIKELY: TimeDelta = TimeDelta::seconds(30);

/// Rooms that are looked at side by side: LiveKit may take its time for one of them.
const WIDTH: Width = Width {
    at_once: 16,
    in_all: 1_024,
    deadline: Duration::from_secs(60),
};

/// Tells which rooms are to be looked at; cheap to clone.
#[derive(Clone, Debug)]
pub struct Arrivals(mpsc::Sender<String>);

/// The rooms that are to be looked at.
pub(super) type Rooms = mpsc::Receiver<String>;

impl Arrivals {
    pub(super) fn new() -> (Self, Rooms) {
        let (rooms, rooms_in) = mpsc::channel(QUEUE);
        (Self(rooms), rooms_in)
    }

    /// Somebody joined this room, or is about to, who may need an agent.
    pub(super) fn look(&self, room: &str) {
        if self.0.try_send(room.to_owned()).is_err() {
            tracing::debug!(room, "the room is looked at in the next round");
        }
    }
}

impl Control {
    /// An agent is awaited in a room: a token for it was just given.
    pub fn agent_awaited(&self, room: &str) {
        self.arrivals.look(room);
    }

    /// Asks for the agent that is awaited in a call's room, now that somebody joins it. False when none is
    /// awaited.
    ///
    /// # Errors
    /// The database did not answer.
    pub(super) async fn somebody_joins(&self, call: &Call) -> Result<bool, StoreError> {
        let Some(awaited) = self.store.awaited_in(&call.room_name).await? else {
            return Ok(false);
        };
        let mut metadata = awaited.metadata.0;
        metadata.call_id = Some(call.id);
        // In this order: whoever fails in between is followed by another.
        self.ask_for(call, &metadata).await?;
        self.store.awaited_no_more(&call.room_name).await?;
        Ok(true)
    }
}

/// Looks at rooms until `shutdown`.
pub(super) async fn run(control: Control, rooms: Arc<Mutex<Rooms>>, shutdown: CancellationToken) {
    let mut rooms = rooms.lock_owned().await;
    let lanes = Lanes::new("arrivals", WIDTH);
    let (mut next, mut next_back) = (clock::now(), clock::now());
    // At most one.
    let mut round = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(room) = rooms.recv() => {
                next = next.min(clock::now() + SOON);
                begin_look(&control, &lanes, room, None);
            }
            () = sleep_until(next.into()), if round.is_empty() => {
                let now = clock::now();
                let who_is_back = next_back <= now;
                if who_is_back {
                    next_back = now + LATER;
                }
                let (control, lanes) = (control.clone(), lanes.clone());
                round.spawn(async move { look_round(&control, &lanes, who_is_back).await });
            }
            Some(looked) = round.join_next() => {
                let looked = looked.map_err(Into::into).flatten();
                next = clock::now() + *looked.as_ref().unwrap_or(&LATER);
                if let Err(error) = looked {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "could not read who joins which room");
                }
            }
        }
    }
}

/// Begins to look at a room. One that is going to be looked at anyway is not looked at twice, and for one
/// too many the next round is soon enough. `listed`: what LiveKit has just said of the room.
fn begin_look(control: &Control, lanes: &Lanes, room: String, listed: Option<proto::Room>) {
    if lanes.has_waiting(&room) {
        return;
    }
    let (control, key) = (control.clone(), room.clone());
    let look = async move {
        if let Err(error) = look(&control, &room, listed).await {
            tracing::warn!(room, error = format!("{error:#}"), "not looked at");
        }
    };
    if lanes.run(&key, look).is_err() {
        tracing::debug!(room = key, "the room is looked at in the next round");
    }
}

/// Begins to look at the rooms that somebody may have joined; gives the time until the next round.
async fn look_round(
    control: &Control,
    lanes: &Lanes,
    who_is_back: bool,
) -> anyhow::Result<Duration> {
    let now = sidetone_store::now();
    let awaited = control.store.awaited_since(now - AWAITED, AT_ONCE).await?;
    let pause = match awaited.first() {
        Some(newest) if now - newest.since < LIKELY => SOON,
        _ => LATER,
    };
    let mut names: Vec<String> = awaited.into_iter().map(|agent| agent.room_name).collect();
    if who_is_back {
        let over = control.store.ended_since(now - REMEMBERED, AT_ONCE).await?;
        names.extend(over.into_iter().map(|call| call.room_name));
    }
    names.sort();
    names.dedup();
    for room in control.livekit.rooms_named(names).await? {
        // One that is looked at now need not be looked at again because of this round.
        if !lanes.has(&room.name) {
            begin_look(control, lanes, room.name.clone(), Some(room));
        }
    }
    Ok(pause)
}

/// Looks who is in a room, and does what that asks for. `listed`: what LiveKit has just said of the room.
async fn look(control: &Control, room: &str, listed: Option<proto::Room>) -> anyhow::Result<()> {
    let Some(call) = control.store.call_in_room(room, None).await? else {
        return Ok(());
    };
    let there = control
        .livekit
        .participants(room)
        .await?
        .unwrap_or_default();
    let people: Vec<Stay> = there
        .iter()
        .filter(|participant| kind_of(participant) == ParticipantKind::User)
        .map(stay_of)
        .collect();
    if people.is_empty() {
        return Ok(());
    }
    let known = control.store.participants(call.id).await?;
    let is_new = |stay: &Stay| known.iter().all(|known| known.participant_sid != stay.sid);
    let somebody_new = people.iter().any(is_new);
    let Some(back) = comes_back(&call, somebody_new, sidetone_store::now()) else {
        if somebody_new {
            // Known from now on, so that a call that has failed is not taken up by who has heard it.
            observe(control, &call, listed, &people).await?;
        }
        return Ok(());
    };
    let Some(now) = go_on(control, &call, back).await? else {
        return Ok(());
    };
    // Asked before it is known who is there: whoever fails in between is followed by another.
    if !control.somebody_joins(&now).await? {
        let alone = people.len() == 1 && somebody_new;
        if back != Back::Open || alone {
            again(control, &call, &now).await?;
        }
    }
    observe(control, &now, listed, &people).await?;
    tell_trouble(control, &now).await
}

/// The call that goes on in the room.
async fn go_on(control: &Control, call: &Call, back: Back) -> Result<Option<Call>, StoreError> {
    let now = sidetone_store::now();
    match back {
        Back::Open => Ok(Some(call.clone())),
        Back::Resumes => {
            tracing::info!(call_id = %call.id, "somebody is back: the call goes on");
            let resumed = [Fact::Resumed(now)];
            control.store.observe(call.id, None, &resumed).await
        }
        Back::Anew => {
            // An egress records a room, which may be the same.
            control.egresses.room_over(call.id).await?;
            let again = NewCall {
                id: Uuid::new_v4(),
                room_name: call.room_name.clone(),
                caller_id: call.caller_id.clone(),
                callee_id: call.callee_id.clone(),
                call_type: call.call_type,
                metadata: call.metadata.0.clone(),
                created_at: now,
            };
            let again = control.store.create_call(&again).await?;
            tracing::info!(call_id = %again.id, before = %call.id, "somebody is back: another call");
            Ok(Some(again))
        }
    }
}

/// Notes who is in the room of the call.
async fn observe(
    control: &Control,
    call: &Call,
    listed: Option<proto::Room>,
    people: &[Stay],
) -> anyhow::Result<()> {
    let listed = match listed {
        Some(room) => Some(room),
        None => {
            let rooms = control.livekit.rooms_named(vec![call.room_name.clone()]);
            rooms.await?.pop()
        }
    };
    let Some(room) = listed else {
        return Ok(());
    };
    let facts: Vec<Fact> = opening_of(&room)
        .into_iter()
        .chain(people.iter().cloned().map(Fact::Seen))
        .collect();
    control.egresses.room_open(call).await?;
    control
        .store
        .observe(call.id, Some(&room.sid), &facts)
        .await?;
    Ok(())
}

/// Asks for an agent where one has been, and is not wanted any more. `before`: the call as it was when
/// somebody came; `now`: the one that they come to.
async fn again(control: &Control, before: &Call, now: &Call) -> Result<(), StoreError> {
    if now.call_type != CallType::Support {
        return Ok(());
    }
    let Some(agent) = control.store.agent_in(&now.room_name).await? else {
        return Ok(());
    };
    // One that ended the call before is on its way out.
    if agent.state.is_live() && (before.over_at.is_some() || before.id != now.id) {
        control.agent_ended(&now.room_name).await?;
    }
    let mut metadata = agent.metadata.0;
    metadata.call_id = Some(now.id);
    control.ask_for(now, &metadata).await
}

/// Tells the caller at once when no worker is free to send an agent.
async fn tell_trouble(control: &Control, call: &Call) -> anyhow::Result<()> {
    let agent = control.store.agent_in(&call.room_name).await?;
    if agent.is_none_or(|agent| agent.state != DispatchState::Asked) {
        return Ok(());
    }
    let now = sidetone_store::now();
    let mut places = control
        .store
        .places(control.guard.agent_name(), now)
        .await?;
    // The one that this caller waits for is among those on their way.
    places.asked = places.asked.saturating_sub(1);
    if places.room(now).is_ok() {
        return Ok(());
    }
    tracing::warn!(call_id = %call.id, "no worker is free for a caller who waits");
    let notice = rooms::Notice::Waiting(rooms::Alone::NoAgent);
    if let Err(error) = rooms::tell(&control.livekit, &call.room_name, notice).await {
        tracing::debug!(call_id = %call.id, %error, "the caller could not be told to wait");
    }
    Ok(())
}
