//! Which open rooms are looked into: one listing of all of LiveKit's rooms shows in which something has changed
//! since the agent was last seen there, so a round over a thousand calls is one request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use livekit_protocol as proto;

use crate::server_api::ServerApi;
use sidetone_base::clock;

/// A room in which nothing seems to change is looked into all the same: LiveKit counts who is there only now
/// and then, and two changes may look like none.
const LOOK_ANYWAY: Duration = Duration::from_secs(60);

/// What the listing tells of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    /// LiveKit's id of it.
    sid: String,
    /// Participants that are neither agents nor recorders.
    people: u32,
    /// Participants with a track, agents among them.
    publishers: u32,
}

/// What was last listed, and what was seen.
#[derive(Debug)]
pub(super) struct Rounds {
    livekit: ServerApi,
    /// A listing is good for so long.
    lasts: Duration,
    listed: tokio::sync::Mutex<Option<Listing>>,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Listing {
    at: Instant,
    rooms: HashMap<String, Counts>,
}

/// PURE. Where an agent was seen, when, and how many there were.
#[derive(Debug, Default)]
struct Seen(HashMap<String, (Instant, Counts)>);

impl Rounds {
    /// Lists the rooms anew when the last listing is older than `lasts`.
    pub(super) fn new(livekit: ServerApi, lasts: Duration) -> Self {
        Self {
            livekit,
            lasts,
            listed: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// What LiveKit tells of a room; None when there is no such room, or LiveKit does not answer: it has to
    /// be looked into.
    pub(super) async fn counts(&self, room: &str) -> Option<Counts> {
        // All who ask meanwhile wait for the one listing.
        let mut listed = self.listed.lock().await;
        let is_good = |listing: &Listing| clock::now() - listing.at < self.lasts;
        if !listed.as_ref().is_some_and(is_good) {
            *listed = None;
            let rooms = self.livekit.rooms().await;
            let rooms =
                rooms.inspect_err(|error| tracing::debug!(%error, "rooms could not be listed"));
            let rooms: HashMap<_, _> = rooms.ok()?.into_iter().map(counts_of).collect();
            self.seen().keep(|room| rooms.contains_key(room));
            let at = clock::now();
            *listed = Some(Listing { at, rooms });
        }
        listed.as_ref()?.rooms.get(room).cloned()
    }

    /// Nothing has changed since the agent was seen.
    pub(super) fn is_as_seen(&self, room: &str, counts: &Counts) -> bool {
        self.seen().is_as_seen(clock::now(), room, counts)
    }

    /// The agent was seen, in a room of which this was listed.
    pub(super) fn saw_agent(&self, room: &str, counts: Counts) {
        self.seen().saw(clock::now(), room, counts);
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn saw(&mut self, now: Instant, room: &str, counts: Counts) {
        self.0.insert(room.to_owned(), (now, counts));
    }

    fn is_as_seen(&self, now: Instant, room: &str, counts: &Counts) -> bool {
        let seen = self.0.get(room);
        seen.is_some_and(|(at, then)| then == counts && now - *at < LOOK_ANYWAY)
    }

    fn keep(&mut self, is_open: impl Fn(&str) -> bool) {
        self.0.retain(|room, _| is_open(room));
    }
}

fn counts_of(room: proto::Room) -> (String, Counts) {
    let counts = Counts {
        sid: room.sid,
        people: room.num_participants,
        publishers: room.num_publishers,
    };
    (room.name, counts)
}

#[cfg(test)]
mod tests;
