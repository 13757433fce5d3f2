//! Who may have a connection, and who makes room when there are too many. PURE.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use sidetone_base::network::Network;

/// How long a newcomer's request may be on its way: before that, its place is not given away.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

/// How many connections are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In total, not counting reserved ones.
    pub all: usize,
    /// Per network.
    pub network: usize,
    /// Kept for health checks, and for telling other clients that there is no room.
    pub reserved: usize,
}

impl Limits {
    /// The limits for a process with this many file descriptors: a quarter of them, so that enough remain for calls.
    pub fn of(descriptors: u64) -> Self {
        let all = usize::try_from(descriptors / 4)
            .unwrap_or(usize::MAX)
            .clamp(32, 4_096);
        Self {
            all,
            network: (all / 16).max(16),
            reserved: (all / 16).clamp(4, 64),
        }
    }
}

/// A connection's number; younger connections have higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u64);

/// What a newcomer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Seat(Id),
    Reserved(Id),
    /// No place: the connection is closed.
    Refused,
}

#[derive(Debug)]
struct Connection {
    /// `None` for a proxy.
    network: Option<Network>,
    reserved: bool,
    /// Since when it has made no request. `None` while one is in progress.
    waiting: Option<Instant>,
    /// Cancelled when its place is given to another connection.
    closed: CancellationToken,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    last: u64,
    connections: BTreeMap<Id, Connection>,
    /// The number of non-reserved connections per network.
    by_network: HashMap<Network, usize>,
    reserved: usize,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            last: 0,
            connections: BTreeMap::new(),
            by_network: HashMap::new(),
            reserved: 0,
        }
    }

    /// Admits a new connection, if possible; `closed` is cancelled when its place is given to another.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        network: Option<Network>,
        closed: CancellationToken,
    ) -> Admission {
        let seats = self.connections.len() - self.reserved;
        let of_network = network.and_then(|network| self.by_network.get(&network));
        let is_crowd = of_network.is_some_and(|count| *count >= self.limits.network);
        let has_seat = if is_crowd {
            self.make_room(|other| {
                !other.reserved && other.network == network && other.has_dawdled(now)
            })
        } else {
            seats < self.limits.all
                || self.make_room(|other| {
                    // A proxy keeps connections open for its next clients.
                    !other.reserved && other.network.is_some() && other.has_dawdled(now)
                })
        };
        let has_reserved = !has_seat
            && (self.reserved < self.limits.reserved
                || self.make_room(|other| other.reserved && other.waiting.is_some()));
        if !has_seat && !has_reserved {
            return Admission::Refused;
        }
        self.last += 1;
        let id = Id(self.last);
        if has_reserved {
            self.reserved += 1;
        } else if let Some(network) = network {
            *self.by_network.entry(network).or_default() += 1;
        }
        let connection = Connection {
            network,
            reserved: has_reserved,
            waiting: Some(now),
            closed,
        };
        self.connections.insert(id, connection);
        if has_reserved {
            Admission::Reserved(id)
        } else {
            Admission::Seat(id)
        }
    }

    /// Closes the connection that has waited longest among those that may go, and returns whether there was one.
    fn make_room(&mut self, may_go: impl Fn(&Connection) -> bool) -> bool {
        let going = (self.connections.iter())
            .filter(|(_, connection)| may_go(connection))
            .min_by_key(|(id, connection)| (connection.waiting, **id))
            .map(|(id, _)| *id);
        if let Some(id) = going {
            if let Some(connection) = self.connections.get(&id) {
                connection.closed.cancel();
            }
            self.leave(id);
        }
        going.is_some()
    }

    /// A request begins, or its response is over.
    pub(super) fn is_busy(&mut self, id: Id, busy: bool, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.waiting = (!busy).then_some(now);
        }
    }

    /// A connection was closed, which may already be known.
    pub(super) fn leave(&mut self, id: Id) {
        let Some(gone) = self.connections.remove(&id) else {
            return;
        };
        if gone.reserved {
            self.reserved -= 1;
        } else if let Some(network) = gone.network
            && let Some(count) = self.by_network.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.by_network.remove(&network);
            }
        }
    }
}

impl Connection {
    fn has_dawdled(&self, now: Instant) -> bool {
        let waited = self
            .waiting
            .map(|since| now.saturating_duration_since(since));
        waited.is_some_and(|waited| waited >= ON_ITS_WAY)
    }
}

#[cfg(test)]
mod tests;
