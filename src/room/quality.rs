//! The audio quality of a call between the agent and LiveKit's server: loss, delay, concealment, and the score that a
//! listener would give.
//! PURE except for the lock of [`Quality`]. Counters restart with each connection; here they are summed over the
//! whole call.

mod mos;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use livekit::webrtc::stats::{IceCandidateType, RtcStats};

use mos::{Repair, mos};
use sidetone_store::media::{Media, MediaPath, MediaWay};

/// The usual Opus packet, which must be filled before it can be sent.
const PACKET: Duration = Duration::from_millis(20);
/// How many times the jitter a listener's buffer is assumed to hold back.
const BUFFERED_JITTERS: f64 = 2.0;

/// What is known so far about a call. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Quality(Arc<Mutex<Account>>);

impl Quality {
    /// Takes new statistics of the connections to the server.
    pub(super) fn look<'a>(&self, stats: impl IntoIterator<Item = &'a RtcStats>) {
        self.account(|account| account.look(stats));
    }

    /// The totals. `None` if nothing was ever sent or received.
    pub fn media(&self) -> Option<Media> {
        self.account(|account| account.media())
    }

    fn account<T>(&self, with: impl FnOnce(&mut Account) -> T) -> T {
        // Counters are consistent after each step, even after a panic.
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug, Default)]
struct Account {
    received: Way,
    sent: Way,
    rtt: Mean,
    path: Option<MediaPath>,
}

/// Audio in one direction.
#[derive(Debug, Default)]
struct Way {
    /// Lost packets, as a share of those sent.
    lost: Share,
    /// Concealed samples, as a share of those that are not silence.
    concealed: Share,
    /// Seconds.
    jitter: Mean,
}

impl Account {
    fn look<'a>(&mut self, stats: impl IntoIterator<Item = &'a RtcStats>) {
        for stats in stats {
            match stats {
                RtcStats::InboundRtp(stats) if stats.stream.kind == "audio" => {
                    let (id, received) = (&stats.rtc.id, &stats.received);
                    let lost = u64::try_from(received.packets_lost).unwrap_or_default();
                    let way = &mut self.received;
                    way.lost.count(id, received.packets_received + lost, lost);
                    if received.packets_received > 0 {
                        way.jitter.add(received.jitter);
                    }
                    let (sound, silence) = (&stats.inbound, stats.inbound.silent_concealed_samples);
                    way.concealed.count(
                        id,
                        sound.total_samples_received.saturating_sub(silence),
                        sound.concealed_samples.saturating_sub(silence),
                    );
                }
                RtcStats::RemoteInboundRtp(stats) if stats.stream.kind == "audio" => {
                    let (id, received) = (&stats.rtc.id, &stats.received);
                    let lost = u64::try_from(received.packets_lost).unwrap_or_default();
                    (self.sent.lost).count(id, received.packets_received + lost, lost);
                    self.sent.jitter.add(received.jitter);
                }
                RtcStats::CandidatePair(stats) => {
                    let rtt = stats.candidate_pair.current_round_trip_time;
                    if rtt > 0.0 {
                        self.rtt.add(rtt);
                    }
                }
                RtcStats::LocalCandidate(stats) => {
                    let candidate = &stats.local_candidate;
                    self.path = Some(match &candidate.candidate_type {
                        Some(IceCandidateType::Relay) => MediaPath::Relay,
                        _ if candidate.protocol == "udp" => MediaPath::Udp,
                        _ => MediaPath::Tcp,
                    });
                }
                _ => {}
            }
        }
    }

    fn media(&self) -> Option<Media> {
        let is_any = self.received.lost.whole + self.sent.lost.whole > 0;
        let rtt = self.rtt.value();
        is_any.then(|| Media {
            path: self.path,
            rtt_ms: rtt.map(|seconds| rounded(1_000.0 * seconds)),
            received: self.received.told(rtt, Repair::Done),
            sent: self.sent.told(rtt, Repair::Fec),
        })
    }
}

impl Way {
    fn told(&self, rtt: Option<f64>, repair: Repair) -> MediaWay {
        let jitter = self.jitter.value();
        let lost = self.lost.percent();
        let concealed = match repair {
            Repair::Done => self.concealed.percent(),
            Repair::Fec => None,
        };
        let seconds = rtt.unwrap_or_default() / 2.0 + BUFFERED_JITTERS * jitter.unwrap_or_default();
        let one_way = PACKET + Duration::try_from_secs_f64(seconds).unwrap_or_default();
        // Nobody noticed what was repaired.
        let missed = concealed.or(lost);
        MediaWay {
            packets: self.lost.whole,
            lost_percent: rounded(lost.unwrap_or_default()),
            jitter_ms: jitter.map(|seconds| rounded(1_000.0 * seconds)),
            concealed_percent: concealed.map(rounded),
            mos: missed.map(|percent| rounded(mos(one_way, percent, repair))),
        }
    }
}

/// Sums a count and a part of it, over streams whose counters may restart.
#[derive(Debug, Default)]
struct Share {
    whole: u64,
    part: u64,
    last: HashMap<String, (u64, u64)>,
}

/// Streams that are tracked separately; a connection has a handful.
const STREAMS: usize = 64;

impl Share {
    /// The stream's counters have reached these values.
    fn count(&mut self, stream: &str, whole: u64, part: u64) {
        if !self.last.contains_key(stream) && self.last.len() >= STREAMS {
            return;
        }
        let last = self.last.entry(stream.to_owned()).or_default();
        if whole < last.0 {
            *last = (0, 0);
        }
        self.whole += whole - last.0;
        // A packet that counted as lost may have arrived late.
        self.part = (self.part + part).saturating_sub(last.1);
        *last = (whole, part);
    }

    fn percent(&self) -> Option<f64> {
        (self.whole > 0).then(|| 100.0 * self.part as f64 / self.whole as f64)
    }
}

#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// Rounded to two decimal places.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
