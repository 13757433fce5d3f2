//! The jitter buffer: adaptive delay, loss concealment and comfort noise.
//!
//! Playout follows talk spurts (Ramjee et al., INFOCOM 1994): each begins with the delay the network needs at that
//! time; silence between them is comfort noise. Inside a spurt a packet that is missing at its playout time is rebuilt
//! from the next one's in-band FEC, or else concealed by Opus; when nothing is available playout stretches, and when
//! too much is queued it is shortened by whole pitch periods.

mod level;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use opus::{Channels, Decoder};

use super::delay::DelayEstimator;
use super::packet::{MediaPacket, TICKS_PER_MS};
use super::stretch::remove_period;
use crate::engine::resample::{Resampler, opus_rate};
use level::Level;

/// Packets kept: five seconds of 20 ms packets. When full, the oldest is dropped.
const CAPACITY: usize = 250;
/// The longest Opus packet (RFC 6716, section 3.2.5).
const LONGEST_PACKET_MS: u64 = 120;
/// Playout stretches over at most this much missing audio; by then Opus's concealment has faded out.
const LONGEST_STRETCH_MS: u64 = 60;
/// A packet this short carries no speech: the sender is in DTX
/// (libopus, `opus_encode`: "2 bytes or less").
const DTX_BYTES: usize = 2;
/// Quieter than this, in mean square (-50 dBFS), is silence or background noise: a cut is inaudible.
const QUIET: f64 = 104.0 * 104.0;
/// After this many idle frames comfort noise gives way to silence.
const NOISE_LIMIT: u32 = 500;
/// A sequence number older by more than this means a restarted sender, as in RFC 3550, appendix A.1.
const RESTART: u64 = 3000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Between talk spurts: comfort noise.
    Idle,
    /// A spurt has begun and waits for its delay: comfort noise.
    Filling,
    /// Inside a talk spurt.
    Playing,
}

/// Counters, in samples of one channel at the decoder's rate unless named
/// otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct JitterStats {
    pub(crate) samples: u64,
    pub(crate) concealed: u64,
    pub(crate) concealment_events: u64,
    pub(crate) comfort_noise: u64,
    pub(crate) removed: u64,
    pub(crate) packets_fec: u64,
    pub(crate) packets_late: u64,
    pub(crate) packets_duplicate: u64,
    pub(crate) target_delay: Duration,
    /// Sum of the squares of played samples in units of full scale, times
    /// their duration in seconds.
    pub(crate) energy: f64,
    pub(crate) level: f64,
}

pub(crate) struct JitterBuffer {
    decoder: Decoder,
    rate: u32,
    channels: usize,
    resampler: Option<Resampler>,
    out_frame: usize,
    packets: BTreeMap<u64, MediaPacket>,
    ssrc: Option<u32>,
    delay: DelayEstimator,
    state: State,
    /// Sequence number and time of the packet to play next.
    next: Option<(u64, u64)>,
    /// Ticks played by stretching since the last packet.
    stretched: u64,
    last_was_dtx: bool,
    idle_pulls: u32,
    /// Decoded and not yet played, starting at `played`.
    pcm: Vec<i16>,
    played: usize,
    /// 10 ms at the decoder's rate, while they are resampled.
    decoded: Vec<i16>,
    resampled: Vec<i16>,
    level: Level,
    stats: JitterStats,
}

impl JitterBuffer {
    /// A buffer whose frames are 10 ms of `channels` (1 or 2) at `rate` Hz.
    pub(crate) fn new(rate: u32, channels: usize) -> Result<Self, opus::Error> {
        let opus_channels = if channels == 1 {
            Channels::Mono
        } else {
            Channels::Stereo
        };
        let decoder_rate = opus_rate(rate);
        Ok(Self {
            decoder: Decoder::new(decoder_rate, opus_channels)?,
            rate: decoder_rate,
            channels,
            resampler: Resampler::new(decoder_rate, rate, channels),
            out_frame: rate as usize / 100 * channels,
            packets: BTreeMap::new(),
            ssrc: None,
            delay: DelayEstimator::default(),
            state: State::Idle,
            next: None,
            stretched: 0,
            last_was_dtx: false,
            idle_pulls: NOISE_LIMIT,
            pcm: Vec::with_capacity(decoder_rate as usize / 5 * channels),
            played: 0,
            decoded: Vec::new(),
            resampled: Vec::new(),
            level: Level::default(),
            stats: JitterStats::default(),
        })
    }

    pub(crate) fn stats(&self) -> JitterStats {
        JitterStats {
            target_delay: self.delay.target(),
            ..self.stats
        }
    }

    /// The decoder's rate in Hz: the unit of [`JitterStats`].
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes a packet, in any order.
    pub(crate) fn insert(&mut self, packet: MediaPacket) {
        if self.ssrc != Some(packet.ssrc) {
            self.restart();
            self.ssrc = Some(packet.ssrc);
        }
        if let Some((next, _)) = self.next
            && packet.seq < next
        {
            if next - packet.seq < RESTART {
                self.stats.packets_late += 1;
                return;
            }
            self.restart();
        }
        self.delay.update(packet.ticks, packet.arrival);
        if self.packets.insert(packet.seq, packet).is_some() {
            self.stats.packets_duplicate += 1;
        }
        if self.packets.len() > CAPACITY {
            self.packets.pop_first();
        }
    }

    fn restart(&mut self) {
        self.packets.clear();
        self.next = None;
        self.delay = DelayEstimator::default();
        self.state = State::Idle;
    }

    /// Writes exactly 10 ms of interleaved samples.
    pub(crate) fn pull(&mut self, now: Instant, out: &mut Vec<i16>) {
        let from = out.len();
        let frame = self.rate as usize / 100 * self.channels;
        if self.resampler.is_none() {
            self.pull_decoded(now, frame, out);
        } else {
            let mut decoded = std::mem::take(&mut self.decoded);
            while self.resampled.len() < self.out_frame {
                decoded.clear();
                self.pull_decoded(now, frame, &mut decoded);
                if let Some(resampler) = &mut self.resampler {
                    resampler.process(&decoded, &mut self.resampled);
                }
            }
            self.decoded = decoded;
            out.extend(self.resampled.drain(..self.out_frame));
        }
        self.measure(&out[from..]);
    }

    fn pull_decoded(&mut self, now: Instant, frame: usize, out: &mut Vec<i16>) {
        self.stats.samples += (frame / self.channels) as u64;
        if self.state == State::Playing {
            self.watch_level();
        }
        while self.pcm.len() - self.played < frame {
            self.produce(now);
        }
        if self.level.surplus() > 0 {
            self.shorten(4 * frame);
        } else if self.level.spare() > 0 {
            self.skip_silence(frame);
        }
        out.extend_from_slice(&self.pcm[self.played..self.played + frame]);
        self.played += frame;
        if self.played == self.pcm.len() {
            self.pcm.clear();
            self.played = 0;
        }
    }

    /// Appends some audio to `pcm`.
    fn produce(&mut self, now: Instant) {
        if self.played > 0 {
            self.pcm.drain(..self.played);
            self.played = 0;
        }
        if self.state == State::Idle && !self.packets.is_empty() {
            self.state = State::Filling;
        }
        if self.state == State::Filling && self.delay_is_met(now) {
            self.start_spurt();
        }
        match self.state {
            State::Idle | State::Filling => self.comfort_noise(),
            State::Playing => self.play_next(),
        }
    }

    /// Whether the first packet has waited long enough.
    fn delay_is_met(&self, now: Instant) -> bool {
        let target = self.delay.target();
        self.packets.values().next().is_some_and(|first| {
            // A DTX refresh contains nothing worth waiting for.
            first.payload.len() <= DTX_BYTES
                || now.saturating_duration_since(first.arrival) >= target
        })
    }

    fn start_spurt(&mut self) {
        if let Some(first) = self.packets.values().next() {
            self.next = Some((first.seq, first.ticks));
            self.state = State::Playing;
            self.stretched = 0;
            self.level = Level::default();
        }
    }

    fn play_next(&mut self) {
        let Some((seq, ticks)) = self.next else {
            return self.end_spurt();
        };
        let Some(first) = self.packets.first_entry() else {
            return self.stretch();
        };
        let (first_seq, first_ticks) = (*first.key(), first.get().ticks);
        let gap = first_ticks.saturating_sub(ticks);
        if first_seq == seq && gap == 0 {
            let packet = first.remove();
            self.decode(&packet);
        } else if first_seq == seq || gap > LONGEST_PACKET_MS * TICKS_PER_MS * (first_seq - seq) {
            // The sender was silent in between: what follows is a new spurt.
            self.end_spurt();
            self.state = State::Filling;
            self.comfort_noise();
        } else {
            self.conceal(seq, ticks, first_seq, gap);
        }
    }

    fn decode(&mut self, packet: &MediaPacket) {
        let ticks = self.append(|decoder, out| decoder.decode(&packet.payload, out, false));
        let ticks = ticks.unwrap_or(20 * TICKS_PER_MS);
        self.next = Some((packet.seq + 1, packet.ticks + ticks));
        self.stretched = 0;
        self.idle_pulls = 0;
        self.last_was_dtx = packet.payload.len() <= DTX_BYTES;
        if self.last_was_dtx && self.packets.is_empty() {
            self.state = State::Idle;
        }
    }

    /// Fills the place of the missing packet `seq`, whose successors have arrived.
    fn conceal(&mut self, seq: u64, ticks: u64, first_seq: u64, gap: u64) {
        let missing = first_seq - seq;
        let length = (gap / missing).clamp(TICKS_PER_MS * 5 / 2, LONGEST_PACKET_MS * TICKS_PER_MS);
        self.next = Some((seq + 1, ticks + gap / missing));
        // Audio that was stretched already stood in for this packet.
        let covered = std::mem::take(&mut self.stretched);
        if gap == 0 || covered >= length {
            self.stretched = covered.saturating_sub(length);
            return;
        }
        let samples = self.samples(length);
        let payload = (missing == 1)
            .then(|| {
                self.packets
                    .values()
                    .next()
                    .map(|packet| packet.payload.clone())
            })
            .flatten();
        let rebuilt = payload.as_ref().is_some_and(|payload| {
            self.append(|decoder, out| decoder.decode(payload, &mut out[..samples], true))
                .is_some()
        });
        if rebuilt {
            self.stats.packets_fec += 1;
        } else {
            self.append(|decoder, out| decoder.decode(&[], &mut out[..samples], false));
            self.stats.concealment_events += 1;
            self.stats.concealed += (samples / self.channels) as u64;
        }
    }

    /// Nothing to play: extrapolates with Opus.
    fn stretch(&mut self) {
        if self.last_was_dtx || self.stretched >= LONGEST_STRETCH_MS * TICKS_PER_MS {
            self.end_spurt();
            return self.comfort_noise();
        }
        if self.stretched == 0 {
            self.stats.concealment_events += 1;
        }
        let samples = self.samples(10 * TICKS_PER_MS);
        self.append(|decoder, out| decoder.decode(&[], &mut out[..samples], false));
        self.stretched += 10 * TICKS_PER_MS;
        self.stats.concealed += (samples / self.channels) as u64;
    }

    fn end_spurt(&mut self) {
        self.state = State::Idle;
        self.stretched = 0;
    }

    fn comfort_noise(&mut self) {
        let samples = self.samples(10 * TICKS_PER_MS);
        if self.idle_pulls < NOISE_LIMIT {
            self.idle_pulls += 1;
            self.append(|decoder, out| decoder.decode(&[], &mut out[..samples], false));
        } else {
            self.pcm.resize(self.pcm.len() + samples, 0);
        }
        self.stats.comfort_noise += (samples / self.channels) as u64;
    }

    /// Interleaved samples in this many ticks of the RTP clock.
    fn samples(&self, ticks: u64) -> usize {
        (ticks * u64::from(self.rate) / 48_000) as usize * self.channels
    }

    /// Runs the decoder and appends to `pcm`; returns the ticks produced. A packet that does not decode becomes
    /// concealed audio.
    fn append(
        &mut self,
        decode: impl FnOnce(&mut Decoder, &mut [i16]) -> Result<usize, opus::Error>,
    ) -> Option<u64> {
        let start = self.pcm.len();
        self.pcm
            .resize(start + self.samples(LONGEST_PACKET_MS * TICKS_PER_MS), 0);
        match decode(&mut self.decoder, &mut self.pcm[start..]) {
            Ok(frames) => {
                self.pcm.truncate(start + frames * self.channels);
                Some(frames as u64 * 48_000 / u64::from(self.rate))
            }
            Err(error) => {
                tracing::debug!(%error, "an Opus packet did not decode");
                self.pcm.truncate(start + self.samples(20 * TICKS_PER_MS));
                None
            }
        }
    }

    /// Tracks the smallest amount of audio available, to see whether the delay has grown beyond what the network
    /// requires.
    fn watch_level(&mut self) {
        let waiting = match (self.next, self.packets.values().next_back()) {
            (Some((_, ticks)), Some(last)) => last.ticks.saturating_sub(ticks) + 20 * TICKS_PER_MS,
            _ => 0,
        };
        let decoded = (self.pcm.len() - self.played) / self.channels;
        let level = waiting + decoded as u64 * 48_000 / u64::from(self.rate);
        self.level.watch(level, self.delay.target());
    }

    /// Cuts one pitch period from the next `samples`, if that many are available.
    fn shorten(&mut self, samples: usize) {
        while self.state == State::Playing
            && self.pcm.len() - self.played < samples
            && self
                .next
                .is_some_and(|(seq, _)| self.packets.contains_key(&seq))
        {
            self.play_next();
        }
        let removed = remove_period(&mut self.pcm, self.played, self.rate, self.channels);
        self.stats.removed += removed as u64;
        let ticks = removed as u64 * 48_000 / u64::from(self.rate);
        self.level.shortened(ticks);
    }

    /// Skips the excess, if what comes next is silent and a frame remains.
    fn skip_silence(&mut self, frame: usize) {
        let next = &self.pcm[self.played..];
        let skipped = self.samples(self.level.spare()).min(next.len() - frame);
        let energy: f64 = next[..skipped].iter().map(|&s| f64::from(s).powi(2)).sum();
        if skipped > 0 && energy < QUIET * skipped as f64 {
            self.played += skipped;
            let per_channel = (skipped / self.channels) as u64;
            self.stats.removed += per_channel;
            self.level
                .shortened(per_channel * 48_000 / u64::from(self.rate));
        }
    }

    fn measure(&mut self, frame: &[i16]) {
        let sum: f64 = frame
            .iter()
            .map(|&s| (f64::from(s) / 32_768.0).powi(2))
            .sum();
        let mean = sum / frame.len().max(1) as f64;
        self.stats.energy += mean * 0.01;
        self.stats.level = mean.sqrt();
    }
}
