//! RTP in and out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use str0m::format::{Codec, PayloadParams};
use str0m::media::{Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, SeqNo, Ssrc};
use str0m::stats::MediaEgressStats;
use tokio::sync::mpsc;

use super::Peer;
use crate::engine::audio_in::MediaPacket;
use crate::engine::audio_out::{EncodedPacket, TrackEncoder};
use crate::engine::clock;
use crate::engine::sdp::Section;
use crate::engine::track::{AudioTrack, Track};
use crate::engine::transceiver::Transceiver;
use crate::unsupported::Unsupported;
use crate::vocabulary::rtp_parameters::RtpCodecParameters;

/// Encoded packets waiting for the task: 320 ms of two tracks. When it is full, new packets are dropped.
const OUTGOING: usize = 32;
/// Above this level in dBov a packet counts as voice in its header extension; this only tells the server who is
/// speaking.
const VOICE_LEVEL: i8 = -60;

pub(crate) struct Media {
    pub(crate) outgoing: mpsc::Receiver<EncodedPacket>,
    sender: mpsc::Sender<EncodedPacket>,
    outputs: HashMap<usize, OutputStream>,
    routes: HashMap<u32, Option<Arc<AudioTrack>>>,
    only_encrypted: bool,
}

/// A track we send.
struct OutputStream {
    track: Arc<AudioTrack>,
    mid: Mid,
    payload_type: Pt,
    next_seq: u64,
    first_tick: u32,
    /// The source of the last packet.
    ssrc: Option<u32>,
}

impl Media {
    /// With `only_encrypted`, a track without a cryptor or with a disabled one carries nothing: every cryptor begins
    /// disabled, and LiveKit's client disables it when it leaves a room.
    pub(crate) fn new(only_encrypted: bool) -> Self {
        let (sender, outgoing) = mpsc::channel(OUTGOING);
        Self {
            outgoing,
            sender,
            outputs: HashMap::new(),
            routes: HashMap::new(),
            only_encrypted,
        }
    }

    /// The source that a transceiver sends as, once it has sent.
    pub(super) fn source_of(&self, transceiver: usize) -> Option<u32> {
        self.outputs.get(&transceiver)?.ssrc
    }

    /// Forgets which track each source belongs to: negotiation may have changed it.
    pub(crate) fn forget_routes(&mut self) {
        self.routes.clear();
    }
}

impl Peer {
    /// Starts, adjusts or stops sending in a section.
    pub(crate) fn settle_sender(&mut self, transceiver: &Arc<Transceiver>, section: &Section) {
        let mid = Mid::from(section.mid.as_str());
        let Some(media) = self.rtc.media(mid) else {
            return;
        };
        let direction = media.direction();
        transceiver.set_current_direction(direction);
        if let Some(opus) = section.opus {
            let encoder = &transceiver.encoder;
            encoder.fec.store(opus.inband_fec, Ordering::Relaxed);
            encoder.dtx.store(opus.dtx, Ordering::Relaxed);
            encoder.stereo.store(opus.stereo, Ordering::Relaxed);
            if let (0, Some(limit)) = (
                encoder.bitrate.load(Ordering::Relaxed),
                opus.max_average_bitrate,
            ) {
                encoder.bitrate.store(limit, Ordering::Relaxed);
            }
        }
        let stopped = transceiver.encoder.stopped.load(Ordering::Acquire);
        if stopped || !direction.is_sending() {
            self.media.outputs.remove(&transceiver.index);
            return;
        }
        if self.media.outputs.contains_key(&transceiver.index) {
            return;
        }
        match transceiver.sender_track() {
            Some(Track::Audio(track)) => self.start_sending(transceiver, mid, &track),
            Some(Track::Video(_)) => Unsupported::Video.report(),
            None => {}
        }
    }

    fn start_sending(&mut self, transceiver: &Arc<Transceiver>, mid: Mid, track: &Arc<AudioTrack>) {
        let Some(payload_type) = self.opus_payload_type(mid) else {
            tracing::error!(%mid, "the other side does not take Opus; the track is not sent");
            return;
        };
        let Some(source) = track.source() else {
            return;
        };
        let settings = transceiver.encoder.clone();
        let packets = self.media.sender.clone();
        let encoder = TrackEncoder::new(
            transceiver.index,
            track.core.clone(),
            (source.sample_rate(), source.num_channels()),
            settings,
            packets,
        );
        let Some(encoder) = encoder else {
            return;
        };
        transceiver.set_codecs(vec![RtpCodecParameters {
            payload_type: *payload_type,
            mime_type: "audio/opus".into(),
            clock_rate: Some(48_000),
            channels: Some(2),
        }]);
        // RFC 3550, section 5.1: both start at random.
        let random = uuid::Uuid::new_v4().as_u128();
        let output = OutputStream {
            track: Arc::clone(track),
            mid,
            payload_type,
            // Half the space, so that the rollover counter starts at 0 on both sides.
            next_seq: (random & 0x7fff) as u64,
            first_tick: (random >> 64) as u32,
            ssrc: None,
        };
        self.media.outputs.insert(transceiver.index, output);
        source.attach(encoder);
    }

    fn opus_payload_type(&self, mid: Mid) -> Option<Pt> {
        self.opus(mid).map(|params| params.pt())
    }

    /// Opus as agreed for a section.
    pub(super) fn opus(&self, mid: Mid) -> Option<&PayloadParams> {
        let accepted = self.rtc.media(mid)?.remote_pts();
        self.rtc
            .codec_config()
            .params()
            .iter()
            .find(|params| params.spec().codec == Codec::Opus && accepted.contains(&params.pt()))
    }

    pub(crate) fn send_packet(&mut self, packet: Option<EncodedPacket>) {
        let Some(packet) = packet else { return };
        let Some(output) = self.media.outputs.get_mut(&packet.transceiver) else {
            return;
        };
        if !self.rtc.is_connected() {
            return;
        }
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(output.mid, None) else {
            return;
        };
        output.ssrc = Some(*stream.ssrc());
        let seq = SeqNo::from(output.next_seq);
        output.next_seq += 1;
        let ticks = output.first_tick.wrapping_add(packet.ticks);
        let payload = match output.track.cryptor().filter(|cryptor| cryptor.enabled()) {
            None => (!self.media.only_encrypted).then_some(packet.payload),
            Some(cryptor) => cryptor.seal(*stream.ssrc(), ticks, &packet.payload),
        };
        let Some(payload) = payload else { return };
        let extensions = ExtensionValues {
            audio_level: Some(packet.level),
            voice_activity: Some(packet.level > VOICE_LEVEL),
            ..Default::default()
        };
        let now = clock::now();
        let write = RtpWrite::new(output.payload_type, seq, ticks, now, payload)
            .marker(packet.talkspurt)
            .ext_vals(extensions);
        stream.write_rtp(write);
        self.drain();
        self.advance();
    }

    pub(crate) fn receive_packet(&mut self, packet: RtpPacket) {
        if packet.payload.is_empty() {
            return; // padding
        }
        let ssrc = packet.header.ssrc;
        if !self.media.routes.contains_key(&*ssrc) {
            let track = self.find_track(ssrc);
            self.media.routes.insert(*ssrc, track);
        }
        let Some(Some(track)) = self.media.routes.get(&*ssrc) else {
            return;
        };
        track.came(*ssrc, *packet.seq_no);
        let payload_type = packet.header.payload_type;
        let is_opus = self
            .rtc
            .codec_config()
            .params()
            .iter()
            .any(|params| params.pt() == payload_type && params.spec().codec == Codec::Opus);
        if !is_opus {
            return;
        }
        let payload = match track.cryptor().filter(|cryptor| cryptor.enabled()) {
            None => (!self.media.only_encrypted).then_some(packet.payload),
            Some(cryptor) => cryptor.open(packet.payload),
        };
        let Some(payload) = payload else { return };
        track.deliver(&MediaPacket {
            ssrc: *ssrc,
            seq: *packet.seq_no,
            ticks: packet.time.numer(),
            payload,
            arrival: packet.timestamp,
        });
    }

    /// The audio track of one of the other side's sources.
    fn find_track(&mut self, ssrc: Ssrc) -> Option<Arc<AudioTrack>> {
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid().to_string();
        let transceivers = self.shared.transceivers();
        let transceiver = transceivers
            .iter()
            .find(|t| t.mid().as_deref() == Some(&mid))?;
        match transceiver.received()?.track {
            Track::Audio(track) => Some(track),
            Track::Video(_) => None,
        }
    }

    /// The other side's reports decide how much loss the encoder prepares for.
    pub(crate) fn on_egress_stats(&mut self, stats: MediaEgressStats) {
        if let Some(loss) = stats.loss {
            let mid = stats.mid.to_string();
            let percent = (loss * 100.0).round().clamp(0.0, 100.0) as u32;
            for transceiver in self.shared.transceivers() {
                if transceiver.mid().as_deref() == Some(&mid) {
                    transceiver.encoder.loss.store(percent, Ordering::Relaxed);
                }
            }
        }
        self.stats.egress(stats);
    }
}
