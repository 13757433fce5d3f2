//! Somebody joins a room: the agent that its token awaits is asked for, and a call that was over goes on
//! or another begins.
//!
//! LiveKit's events tell of it at once; without them the rooms that tokens were given for, and those of
//! calls that are just over, are looked at again and again. LiveKit could ask for the agent itself, by a
//! room configuration in the token. It would ask only when the room is *created*, so not for somebody who
//! comes back; with the call that the token was given for, which may be over; and the caller could read
//! in the token what the agent is told.

mod back;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use livekit_protocol as proto;
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::participant::{caller_of, kind_of};
use super::reconcile::{opening_of, stay_of};
use super::{Control, rooms};
use sidetone_base::clock;
use sidetone_base::lanes::{Lanes, Width};
use sidetone_store::dispatches::DispatchState;
use sidetone_store::participants::Participant;
use sidetone_store::{
    At, Call, CallType, DispatchMetadata, Fact, NewCall, ParticipantKind, Stay, StoreError,
};

use back::{Back, comes_back, is_asked_since};

/// Rooms that are to be looked at; when it is full, the next round finds them.
const QUEUE: usize = 256;
/// A token's room is looked at for so long: the token is good for ten minutes.
const AWAITED: TimeDelta = TimeDelta::minutes(15);
/// The room of a call that is over is looked at for so long.
const REMEMBERED: TimeDelta = TimeDelta::minutes(10);
/// Rooms of one round that LiveKit is asked for by name; where there are more, it is asked for all.
const BY_NAME: usize = 1_000;
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
            tracing::debug!(
                room,
                "too many rooms at once: this one is looked at in the next round"
            );
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
            tracing::warn!(
                room,
                error = format!("{error:#}"),
                "could not find out whether a room needs an agent"
            );
        }
    };
    if lanes.run(&key, look).is_err() {
        tracing::debug!(
            room = key,
            "too many rooms at once: this one is looked at in the next round"
        );
    }
}

/// Begins to look at the rooms that somebody may have joined; gives the time until the next round.
async fn look_round(
    control: &Control,
    lanes: &Lanes,
    who_is_back: bool,
) -> anyhow::Result<Duration> {
    let now = sidetone_store::now();
    let awaited = control.store.awaited_since(now - AWAITED).await?;
    let pause = match awaited.first() {
        Some((_, newest)) if now - *newest < LIKELY => SOON,
        _ => LATER,
    };
    let mut names: HashSet<String> = awaited.into_iter().map(|(room, _)| room).collect();
    if who_is_back {
        names.extend(control.store.rooms_left_since(now - REMEMBERED).await?);
    }
    let open = match names.len() > BY_NAME {
        true => control.livekit.rooms().await?,
        false => {
            let names = names.iter().cloned().collect();
            control.livekit.rooms_named(names).await?
        }
    };
    for room in open {
        // One that is looked at now need not be looked at again because of this round.
        if names.contains(&room.name) && !lanes.has(&room.name) {
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
    let there: Vec<_> = there
        .iter()
        .filter(|participant| kind_of(participant) == ParticipantKind::User)
        .collect();
    let people: Vec<Stay> = there.iter().copied().map(stay_of).collect();
    let Some(first) = there.first() else {
        return Ok(());
    };
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
    // A room's name is nobody's name: the next one to come in there may be another caller.
    let is_of_call = |one: &&proto::ParticipantInfo| {
        let was_there = |known: &Participant| {
            known.kind == ParticipantKind::User && known.user_id == one.identity
        };
        call.is_of(&one.identity)
            || call.is_of(&caller_of(one))
            || call.callee_id.as_ref() == Some(&one.identity)
            || known.iter().any(was_there)
    };
    let stranger = (!there.iter().any(is_of_call)).then(|| caller_of(first));
    let left_at = match back {
        Back::Open => left_alone(control, &call, &people).await?,
        Back::Resumes | Back::Anew => None,
    };
    let back = match (back, &stranger) {
        (Back::Resumes, Some(_)) => Back::Anew,
        (Back::Open, Some(_)) if left_at.is_some() && !is_awaited(control, room).await? => {
            // Nobody has told yet that it is over.
            let (at, hung_up) = (sidetone_store::now(), false);
            let over = [Fact::Over { at, hung_up }];
            control.store.observe(call.id, None, &over).await?;
            Back::Anew
        }
        _ => back,
    };
    let Some(now) = go_on(control, &call, back, stranger.as_deref()).await? else {
        return Ok(());
    };
    // Asked before it is known who is there: whoever fails in between is followed by another.
    if !control.somebody_joins(&now).await? && (back != Back::Open || left_at.is_some()) {
        again(control, &call, &now, stranger.is_some()).await?;
    }
    observe(control, &now, listed, &people).await?;
    tell_trouble(control, &now).await
}

/// When the agent left a call that goes on, if somebody has come into its room since, and nobody else is there.
async fn left_alone(
    control: &Control,
    call: &Call,
    people: &[Stay],
) -> Result<Option<At>, StoreError> {
    let [person] = people else {
        return Ok(None);
    };
    let agent = control.store.agent_in(&call.room_name).await?;
    let gone = agent.filter(|agent| !agent.state.is_live() && agent.call_id == Some(call.id));
    let left_at = gone.map(|agent| agent.since);
    Ok(left_at.filter(|left| person.joined_at.is_none_or(|came| came > *left)))
}

async fn is_awaited(control: &Control, room: &str) -> Result<bool, StoreError> {
    Ok(control.store.awaited_in(room).await?.is_some())
}

/// The call that goes on in the room; another for a `stranger`, who is not shown what was said of the one before.
async fn go_on(
    control: &Control,
    call: &Call,
    back: Back,
    stranger: Option<&str>,
) -> Result<Option<Call>, StoreError> {
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
                caller_id: stranger.unwrap_or(&call.caller_id).to_owned(),
                callee_id: call.callee_id.clone().filter(|_| stranger.is_none()),
                call_type: call.call_type,
                metadata: match stranger {
                    Some(_) => json!({}),
                    None => call.metadata.0.clone(),
                },
                created_at: now,
            };
            let again = control.store.create_call(&again).await?;
            tracing::info!(call_id = %again.id, before = %call.id, "somebody is back after the call's end: a new call begins");
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
/// somebody came; `now`: the one that they come to. For a stranger the agent is told nothing of whom it was
/// with before.
async fn again(
    control: &Control,
    before: &Call,
    now: &Call,
    for_stranger: bool,
) -> Result<(), StoreError> {
    if now.call_type != CallType::Support {
        return Ok(());
    }
    let Some(agent) = control.store.agent_in(&now.room_name).await? else {
        return Ok(());
    };
    if is_asked_since(before, now, &agent) {
        return Ok(());
    }
    // One that ended the call before is on its way out.
    if agent.state.is_live() && (before.over_at.is_some() || before.id != now.id) {
        control.agent_ended(&now.room_name).await?;
    }
    let mut metadata = agent.metadata.0;
    if for_stranger {
        metadata = DispatchMetadata {
            agent: metadata.agent,
            voice: metadata.voice,
            recording: metadata.recording,
            ..DispatchMetadata::default()
        };
    }
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
    let name = control.guard.agent_name();
    let mut places = control.store.places(name, now).await?;
    // The one that this caller waits for is among those on their way.
    places.asked = places.asked.saturating_sub(1);
    if places.room().is_ok() {
        return Ok(());
    }
    tracing::warn!(call_id = %call.id, "no worker is free for a caller who waits");
    let notice = rooms::Notice::Waiting(rooms::Alone::NoAgent);
    if let Err(error) = rooms::tell(&control.livekit, &call.room_name, notice).await {
        tracing::debug!(call_id = %call.id, %error, "the caller could not be told to wait");
    }
    Ok(())
}
