//! Records calls between people: a process joins their room, hidden, and records what it hears in the same way as an
//! agent's call. The store says which rooms (`room_recorders`); a lease assigns each to one process, so that another
//! takes over if it dies.

mod room;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use sidetone_config::livekit::LiveKit;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_recording::Recordings;
use sidetone_store::{RoomToRecord, Store};

/// How often to look for rooms to record.
const LOOK: Duration = Duration::from_secs(1);
/// Rooms that one process records at once; others are left to other processes.
const AT_ONCE: usize = 32;
/// Rooms checked per round. Most of them nobody has joined yet.
const A_ROUND: i64 = 200;
/// How long a room belongs to the process that claimed it, after each renewal.
const LEASE: TimeDelta = TimeDelta::seconds(10);
/// A room that could not be joined is retried after this.
const AGAIN: TimeDelta = TimeDelta::seconds(5);

/// What a process needs to record rooms.
pub struct Recorder {
    /// The LiveKit server of the rooms, and its keys.
    pub livekit: LiveKit,
    /// A client of that server.
    pub api: ServerApi,
    /// Says which rooms are to be recorded.
    pub store: Store,
    /// Where recordings are kept.
    pub recordings: Recordings,
    /// This process.
    pub holder: Uuid,
}

/// Runs until `stop`; unfinished recordings are left to other processes.
pub async fn run(recorder: Arc<Recorder>, stop: CancellationToken) {
    let mut clock = interval(LOOK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = clock.tick() => {}
        }
        while under_way.try_join_next().is_some() {}
        let places = AT_ONCE.saturating_sub(under_way.len());
        if places == 0 {
            continue;
        }
        match recorder.open_rooms(places).await {
            Ok(rooms) => {
                for wanted in rooms {
                    let (recorder, stop) = (Arc::clone(&recorder), stop.clone());
                    under_way.spawn(async move { recorder.record(wanted, stop).await });
                }
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "could not read which calls between people are to be recorded"
                );
            }
        }
    }
    while under_way.join_next().await.is_some() {}
}

impl Recorder {
    /// Open rooms that nobody records, claimed for this process.
    async fn open_rooms(&self, places: usize) -> anyhow::Result<Vec<RoomToRecord>> {
        let wanted = self.store.rooms_to_record(A_ROUND).await?;
        let names: Vec<String> = wanted.iter().map(|one| one.room_name.clone()).collect();
        let open = self.api.rooms_named(names).await?;
        let open: HashSet<String> = open.into_iter().map(|room| room.name).collect();
        let mut taken = Vec::new();
        for one in wanted {
            if taken.len() < places
                && open.contains(&one.room_name)
                && (self.store)
                    .take_room(one.call_id, self.holder, LEASE)
                    .await?
            {
                taken.push(one);
            }
        }
        Ok(taken)
    }
}
