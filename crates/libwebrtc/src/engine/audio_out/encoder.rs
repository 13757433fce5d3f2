//! One Opus encoder for one sender.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use opus::{Application, Bitrate, Channels, Encoder};
use tokio::sync::mpsc;

use crate::engine::resample::{Resampler, opus_rate};
use crate::engine::track_core::TrackCore;

/// 20 ms: the best trade-off between delay and overhead for speech.
const PACKET_MS: u32 = 20;
/// Ticks of the 48 kHz RTP clock in a packet.
const PACKET_TICKS: u32 = 48 * PACKET_MS;
/// Half of libopus's highest: 0.9 CPU-seconds per minute of speech instead of 1.6, for a difference that is hard to
/// hear at this bitrate.
const COMPLEXITY: i32 = 5;
/// The default bitrate, in bits per second: full-band speech by the table of RFC 6716, section 2.1.1 (28 to 40 kbit/s).
const SPEECH_BITRATE: u32 = 32_000;
/// The loss the encoder prepares for until the other side reports, in percent.
const EXPECTED_LOSS: u32 = 5;
/// The largest packet sent; libopus never needs more at speech bitrates.
const MAX_PACKET: usize = 1275;
/// Quieter than this, in mean square (-66 dBov), is silence: only there may the encoder enter DTX. Left to itself it
/// would take steady sounds for silence.
const SILENCE: f64 = 16.0 * 16.0;
/// Largest packet while the encoder is in DTX (`opus_encode`).
const DTX_BYTES: usize = 2;
/// In DTX every 20th packet is encoded and sent, a refresh every 400 ms, as libopus itself does in its SILK mode. The
/// others are not even encoded: an agent is silent for half of a call.
const DTX_REFRESH: u32 = 20;

/// Decided by negotiation and reports, read by the encoder at each packet.
#[derive(Debug)]
pub(crate) struct EncoderSettings {
    pub(crate) fec: AtomicBool,
    pub(crate) dtx: AtomicBool,
    pub(crate) stereo: AtomicBool,
    /// Bits per second; 0 is the default.
    pub(crate) bitrate: AtomicU32,
    /// Loss reported by the other side, in percent.
    pub(crate) loss: AtomicU32,
    /// Cleared when the sender must be silent on the wire.
    pub(crate) active: AtomicBool,
    /// Set when the sender is gone for good.
    pub(crate) stopped: AtomicBool,
    /// Packets that the encoder has produced.
    pub(crate) packets: AtomicU32,
}

impl Default for EncoderSettings {
    fn default() -> Self {
        Self {
            fec: AtomicBool::new(true),
            dtx: AtomicBool::new(false),
            stereo: AtomicBool::new(false),
            bitrate: AtomicU32::new(0),
            loss: AtomicU32::new(EXPECTED_LOSS),
            active: AtomicBool::new(true),
            stopped: AtomicBool::new(false),
            packets: AtomicU32::new(0),
        }
    }
}

/// A packet on its way to the task that owns the connection.
#[derive(Debug)]
pub(crate) struct EncodedPacket {
    /// The transceiver it belongs to.
    pub(crate) transceiver: usize,
    /// RTP time in ticks of 48 kHz since the encoder began.
    pub(crate) ticks: u32,
    pub(crate) payload: Arc<[u8]>,
    /// The first packet after a pause.
    pub(crate) talkspurt: bool,
    /// Level in negative dBov: 0 loudest, -127 silence (RFC 6464).
    pub(crate) level: i8,
}

/// Turns a source's frames into packets for one sender.
pub(crate) struct TrackEncoder {
    transceiver: usize,
    track: Arc<TrackCore>,
    settings: Arc<EncoderSettings>,
    packets: mpsc::Sender<EncodedPacket>,
    encoder: Encoder,
    source_channels: usize,
    channels: usize,
    resampler: Option<Resampler>,
    packet_samples: usize,
    pcm: Vec<i16>,
    mixed: Vec<i16>,
    ticks: u32,
    applied: (bool, bool, u32, u32),
    dtx_run: u32,
    energy: f64,
}

impl TrackEncoder {
    /// An encoder for `track`, whose source provides audio at `sample_rate` Hz and in `source_channels` channels.
    /// Packets go to `packets`; a full queue drops them, because late audio is worthless.
    pub(crate) fn new(
        transceiver: usize,
        track: Arc<TrackCore>,
        (sample_rate, source_channels): (u32, u32),
        settings: Arc<EncoderSettings>,
        packets: mpsc::Sender<EncodedPacket>,
    ) -> Option<Self> {
        let rate = opus_rate(sample_rate);
        let source_channels = source_channels as usize;
        let stereo = source_channels >= 2 && settings.stereo.load(Ordering::Relaxed);
        let (channels, opus_channels) = if stereo {
            (2, Channels::Stereo)
        } else {
            (1, Channels::Mono)
        };
        let mut encoder = Encoder::new(rate, opus_channels, Application::Voip)
            .inspect_err(|error| tracing::error!(%error, rate, "no Opus encoder"))
            .ok()?;
        encoder.set_complexity(COMPLEXITY).ok()?;
        Some(Self {
            transceiver,
            settings,
            packets,
            encoder,
            source_channels,
            channels,
            resampler: Resampler::new(sample_rate, rate, channels),
            packet_samples: (rate / 1000 * PACKET_MS) as usize * channels,
            track,
            pcm: Vec::new(),
            mixed: Vec::new(),
            ticks: 0,
            applied: (false, false, 0, 0),
            dtx_run: 0,
            energy: 0.0,
        })
    }

    /// Takes 10 ms from the source. Returns `false` once the sender is gone.
    pub(crate) fn push(&mut self, frame: &[i16]) -> bool {
        if self.settings.stopped.load(Ordering::Acquire) || self.packets.is_closed() {
            return false;
        }
        self.mix(frame);
        match &mut self.resampler {
            None => self.pcm.extend_from_slice(&self.mixed),
            Some(resampler) => resampler.process(&self.mixed, &mut self.pcm),
        }
        while self.pcm.len() >= self.packet_samples {
            self.encode();
            self.pcm.drain(..self.packet_samples);
        }
        true
    }

    /// Converts the source's channels to the encoder's; silence when disabled.
    fn mix(&mut self, frame: &[i16]) {
        self.mixed.clear();
        let (from, to) = (self.source_channels, self.channels);
        let frames = frame.len() / from;
        if !self.track.enabled() || !self.settings.active.load(Ordering::Relaxed) {
            self.mixed.resize(frames * to, 0);
        } else if from == to {
            self.mixed.extend_from_slice(frame);
        } else if to == 1 {
            self.mixed.extend(frame.chunks_exact(from).map(|samples| {
                let sum: i32 = samples.iter().map(|&s| i32::from(s)).sum();
                (sum / from as i32) as i16
            }));
        } else {
            self.mixed.extend(
                frame
                    .chunks_exact(from)
                    .flat_map(|samples| [samples[0], samples[1]]),
            );
        }
    }

    fn encode(&mut self) {
        let pcm = &self.pcm[..self.packet_samples];
        self.energy = pcm
            .iter()
            .map(|&s| f64::from(s) * f64::from(s))
            .sum::<f64>()
            / self.packet_samples as f64;
        self.apply_settings();
        let pcm = &self.pcm[..self.packet_samples];
        let mut packet = [0; MAX_PACKET];
        let ticks = self.ticks;
        self.ticks = self.ticks.wrapping_add(PACKET_TICKS);
        let (_, may_rest, ..) = self.applied;
        if may_rest && !self.dtx_run.is_multiple_of(DTX_REFRESH) {
            self.dtx_run += 1;
            return;
        }
        let length = match self.encoder.encode(pcm, &mut packet) {
            Ok(length) => length,
            Err(error) => return tracing::error!(%error, "Opus did not encode"),
        };
        let resting = length <= DTX_BYTES;
        let talkspurt = !resting && self.dtx_run > 0;
        self.dtx_run = if resting { self.dtx_run + 1 } else { 0 };
        if !self.settings.active.load(Ordering::Relaxed) {
            return;
        }
        self.settings.packets.fetch_add(1, Ordering::Relaxed);
        let packet = EncodedPacket {
            transceiver: self.transceiver,
            ticks,
            payload: packet[..length].into(),
            talkspurt,
            level: self.level(),
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = self.packets.try_send(packet) {
            tracing::debug!("the connection is too busy to send; a packet was dropped");
        }
    }

    fn level(&self) -> i8 {
        let rms = self.energy.sqrt() / 32_768.0;
        (20.0 * rms.max(1e-7).log10()).round().clamp(-127.0, 0.0) as i8
    }

    /// Applies settings that changed since the last packet.
    fn apply_settings(&mut self) {
        let settings = &self.settings;
        let wanted = (
            settings.fec.load(Ordering::Relaxed),
            settings.dtx.load(Ordering::Relaxed) && self.energy < SILENCE,
            settings.bitrate.load(Ordering::Relaxed),
            settings.loss.load(Ordering::Relaxed),
        );
        if wanted == self.applied {
            return;
        }
        let (fec, dtx, bitrate, loss) = wanted;
        let default = SPEECH_BITRATE * self.channels as u32;
        let bitrate = if bitrate == 0 {
            default
        } else {
            bitrate.clamp(6_000, 510_000)
        };
        let applied = self
            .encoder
            .set_inband_fec(fec)
            .and_then(|()| self.encoder.set_dtx(dtx))
            .and_then(|()| self.encoder.set_bitrate(Bitrate::Bits(bitrate as i32)))
            .and_then(|()| self.encoder.set_packet_loss_perc(loss.min(30) as i32));
        if let Err(error) = applied {
            tracing::error!(%error, ?wanted, "Opus refused its settings");
        }
        self.applied = wanted;
    }
}

#[cfg(test)]
mod tests;
