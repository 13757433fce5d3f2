//! Whether anything arrives over the agent's own link. LiveKit's server reports about once a second what it
//! has received of our voice, so a link over which nothing comes is down, long before LiveKit's client says
//! so: that waits for its socket's time to run out, ten to fifteen seconds.

use std::time::{Duration, Instant};

use livekit::prelude::Room;
use livekit::webrtc::stats::RtcStats;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::quality::Quality;
use sidetone_base::clock;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Longest wait for one; a client that is connecting anew has nothing to say.
const LOOK_DEADLINE: Duration = Duration::from_secs(1);
/// A link over which nothing came for so long is down. Reports come each second and are counted each
/// second.
const SILENT: Duration = Duration::from_millis(2_500);
/// What is counted came up to so long ago.
const COUNTED: Duration = Duration::from_secs(1);
/// A process that has not looked for so long was stopped (its machine paused, SIGSTOP): longer than two looks take,
/// and about as long as it takes until another agent has been sent. What it then reads from its sockets is old.
const STOPPED: Duration = Duration::from_secs(2);

/// What becomes of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing has come since then.
    Silent(Instant),
    /// Something came again.
    Back,
    /// The process itself did nothing since then.
    Stopped(Instant),
    /// The link was made anew; over the one before nothing came since then.
    Renewed(Instant),
}

/// PURE. Judges counts of what has arrived.
#[derive(Debug)]
struct Pulse {
    /// None: nothing was counted yet.
    arrived: Option<u64>,
    /// When the count was last another one.
    at: Instant,
    /// When it was last looked at.
    looked: Instant,
    is_silent: bool,
}

impl Pulse {
    fn new(now: Instant) -> Self {
        Self {
            arrived: None,
            at: now,
            looked: now,
            is_silent: false,
        }
    }

    /// Before and after each look: whether the process was stopped meanwhile.
    fn wakes(&mut self, now: Instant) -> Option<Beat> {
        let before = std::mem::replace(&mut self.looked, now);
        if now - before < STOPPED {
            return None;
        }
        // What is counted from here on is news.
        self.at = now;
        Some(Beat::Stopped(last_by(before)))
    }

    /// So many bytes have arrived in all; None: there is nothing to count.
    fn counted(&mut self, now: Instant, arrived: Option<u64>) -> Option<Beat> {
        if arrived.is_some() && arrived != self.arrived {
            // A connection that is made anew counts from the start.
            let is_another = arrived < self.arrived;
            let before = std::mem::replace(&mut self.at, now);
            self.arrived = arrived;
            return match std::mem::take(&mut self.is_silent) {
                true => Some(Beat::Back),
                false => is_another.then(|| Beat::Renewed(last_by(before))),
            };
        }
        let is_due = self.arrived.is_some() && !self.is_silent && now - self.at >= SILENT;
        self.is_silent |= is_due;
        is_due.then(|| Beat::Silent(last_by(self.at)))
    }
}

/// When the last of what was counted at this time came, at the earliest.
fn last_by(counted: Instant) -> Instant {
    counted.checked_sub(COUNTED).unwrap_or(counted)
}

/// Tells what becomes of the room's link, until nobody listens, and what its sound goes through.
pub(super) async fn watch(room: &Room, beats: mpsc::Sender<Beat>, quality: &Quality) {
    let mut pulse = Pulse::new(clock::now());
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let stopped = pulse.wakes(clock::now());
        let stats = look(room).await;
        let arrived = stats.as_ref().and_then(|(ours, theirs)| {
            quality.look(ours.iter().chain(theirs));
            arrived(ours)
        });
        let now = clock::now();
        let beats_now = [stopped, pulse.wakes(now), pulse.counted(now, arrived)];
        for beat in beats_now.into_iter().flatten() {
            if beats.send(beat).await.is_err() {
                return;
            }
        }
    }
}

/// Statistics of the connections by which our voice goes, and by which the others' come.
async fn look(room: &Room) -> Option<(Vec<RtcStats>, Vec<RtcStats>)> {
    let stats = timeout(LOOK_DEADLINE, room.get_stats()).await.ok()?.ok()?;
    Some((stats.publisher_stats, stats.subscriber_stats))
}

/// Bytes that have come on the connection by which our voice goes.
fn arrived(stats: &[RtcStats]) -> Option<u64> {
    let of_transport = |stats: &RtcStats| match stats {
        RtcStats::Transport(stats) => Some(stats.transport.bytes_received),
        _ => None,
    };
    stats.iter().find_map(of_transport)
}

#[cfg(test)]
mod tests;
