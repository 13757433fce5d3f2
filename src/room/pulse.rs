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
/// A link over which nothing came for so long is down: reports come each second.
const SILENT: Duration = Duration::from_millis(2_500);
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

/// What has arrived over the connection by which our voice goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arrived {
    /// In all. A connection that is made anew counts from the start.
    bytes: u64,
    /// The last of it: it came then, or a little later.
    last: Instant,
}

/// PURE. Judges what has arrived.
#[derive(Debug)]
struct Pulse {
    /// None: nothing was seen yet.
    arrived: Option<Arrived>,
    /// When it was last looked at.
    looked: Instant,
    is_silent: bool,
}

impl Pulse {
    fn new(now: Instant) -> Self {
        Self {
            arrived: None,
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
        let Some(arrived) = &mut self.arrived else {
            return Some(Beat::Stopped(before));
        };
        // The link has its time from here on: what waits in its socket is older than it seems.
        let last = std::mem::replace(&mut arrived.last, now);
        Some(Beat::Stopped(last.min(before)))
    }

    /// None: there is nothing to see.
    fn sees(&mut self, now: Instant, seen: Option<Arrived>) -> Option<Beat> {
        let Some(before) = self.arrived else {
            self.arrived = seen;
            return None;
        };
        let is_another = seen.is_some_and(|seen| seen.bytes < before.bytes);
        let arrived = match seen {
            Some(seen) if is_another => seen,
            Some(seen) => Arrived {
                bytes: seen.bytes,
                last: seen.last.max(before.last),
            },
            None => before,
        };
        self.arrived = Some(arrived);
        let is_silent = now.saturating_duration_since(arrived.last) >= SILENT;
        let was_silent = std::mem::replace(&mut self.is_silent, is_silent);
        match (was_silent, is_silent) {
            (false, true) => Some(Beat::Silent(arrived.last)),
            (true, false) => Some(Beat::Back),
            (false, false) if is_another => Some(Beat::Renewed(before.last)),
            _ => None,
        }
    }
}

/// Tells what becomes of the room's link, until nobody listens, and what its sound goes through.
pub(super) async fn watch(room: &Room, beats: mpsc::Sender<Beat>, quality: &Quality) {
    let mut pulse = Pulse::new(clock::now());
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let began = clock::now();
        let stopped = pulse.wakes(began);
        let stats = look(room).await;
        let arrived = stats.as_ref().and_then(|(ours, theirs)| {
            quality.look(ours.iter().chain(theirs));
            arrived(ours, began)
        });
        let now = clock::now();
        let beats_now = [stopped, pulse.wakes(now), pulse.sees(now, arrived)];
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

/// What has come on the connection by which our voice goes, looked at since `began`.
fn arrived(stats: &[RtcStats], began: Instant) -> Option<Arrived> {
    stats.iter().find_map(|stats| {
        let RtcStats::CandidatePair(stats) = stats else {
            return None;
        };
        let pair = &stats.candidate_pair;
        let ago = stats.rtc.timestamp as f64 / 1e3 - pair.last_packet_received_timestamp;
        let ago = Duration::try_from_secs_f64(ago / 1e3).unwrap_or_default();
        Some(Arrived {
            bytes: pair.bytes_received,
            last: began.checked_sub(ago)?,
        })
    })
}

#[cfg(test)]
mod tests;
