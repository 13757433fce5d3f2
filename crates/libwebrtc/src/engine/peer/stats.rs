//! `get_stats`: what str0m counts, in the shapes of the W3C.

use std::collections::HashMap;

use str0m::media::Mid;
use str0m::stats::{MediaEgressStats, MediaIngressStats, PeerStats};

use super::Peer;
use crate::engine::audio_in::Reception;
use crate::engine::clock;
use crate::engine::command::StatsFilter;
use crate::engine::track::Track;
use crate::engine::transceiver::Transceiver;
use crate::vocabulary::states::PeerConnectionState;
use crate::vocabulary::stats::dictionaries as d;
use crate::vocabulary::stats::*;

/// The latest counters of str0m, by media section.
#[derive(Default)]
pub(crate) struct StatsBook {
    pub(crate) peer: Option<PeerStats>,
    ingress: HashMap<String, MediaIngressStats>,
    egress: HashMap<String, MediaEgressStats>,
}

impl StatsBook {
    pub(crate) fn ingress(&mut self, stats: MediaIngressStats) {
        self.ingress.insert(stats.mid.to_string(), stats);
    }

    pub(crate) fn egress(&mut self, stats: MediaEgressStats) {
        self.egress.insert(stats.mid.to_string(), stats);
    }
}

const TRANSPORT: &str = "T01";

fn head(id: impl Into<String>) -> d::RtcStats {
    d::RtcStats {
        id: id.into(),
        timestamp: clock::wall_us(),
    }
}

fn kind(transceiver: &Transceiver) -> String {
    if transceiver.is_audio() {
        "audio"
    } else {
        "video"
    }
    .to_owned()
}

impl Peer {
    /// Builds the requested reports.
    pub(crate) fn report(&self, filter: &StatsFilter) -> Vec<RtcStats> {
        let mut reports = Vec::new();
        for transceiver in self.shared.transceivers() {
            let Some(mid) = transceiver.mid() else {
                continue;
            };
            let (inbound, outbound) = match filter {
                StatsFilter::All => (true, true),
                StatsFilter::Section {
                    mid: wanted,
                    outbound,
                } => (*wanted == mid && !outbound, *wanted == mid && *outbound),
            };
            if inbound || outbound {
                self.report_codec(&mid, &mut reports);
            }
            if inbound {
                self.report_inbound(&transceiver, &mid, &mut reports);
            }
            if outbound {
                self.report_outbound(&transceiver, &mid, &mut reports);
            }
        }
        if matches!(filter, StatsFilter::All) {
            self.report_connection(&mut reports);
        }
        reports
    }

    fn report_codec(&self, mid: &str, out: &mut Vec<RtcStats>) {
        let Some(params) = self.opus(Mid::from(mid)) else {
            return;
        };
        let spec = params.spec();
        out.push(RtcStats::Codec(CodecStats {
            rtc: head(format!("C{mid}")),
            codec: d::CodecStats {
                payload_type: u32::from(*params.pt()),
                transport_id: TRANSPORT.into(),
                mime_type: "audio/opus".into(),
                clock_rate: spec.clock_rate.get(),
                channels: spec.channels.map_or(0, u32::from),
                sdp_fmtp_line: spec.format.to_string(),
            },
        }));
    }

    fn report_inbound(&self, transceiver: &Transceiver, mid: &str, out: &mut Vec<RtcStats>) {
        let Some(stats) = self.stats.ingress.get(mid) else {
            return;
        };
        let track = transceiver.received().map(|received| received.track);
        let mut inbound = d::InboundRtpStreamStats {
            track_identifier: track.as_ref().map(Track::id).unwrap_or_default(),
            mid: mid.to_owned(),
            bytes_received: stats.bytes,
            nack_count: stats.nacks as u32,
            fir_count: stats.firs as u32,
            pli_count: stats.plis as u32,
            ..Default::default()
        };
        if let Some(Track::Audio(track)) = &track
            && let Some(buffer) = track.listeners().first()
        {
            let buffer = buffer.lock();
            let jitter = buffer.stats();
            inbound.total_samples_received = jitter.samples;
            // The standard includes inserted silence in this count.
            inbound.concealed_samples = jitter.concealed + jitter.comfort_noise;
            inbound.silent_concealed_samples = jitter.comfort_noise;
            inbound.concealment_events = jitter.concealment_events;
            inbound.removed_samples_for_acceleration = jitter.removed;
            inbound.fec_packets_received = jitter.packets_fec;
            inbound.packets_discarded = jitter.packets_late + jitter.packets_duplicate;
            inbound.jitter_buffer_emitted_count = jitter.samples;
            inbound.jitter_buffer_target_delay =
                jitter.target_delay.as_secs_f64() * jitter.samples as f64;
            inbound.audio_level = jitter.level;
            inbound.total_audio_energy = jitter.energy;
            inbound.total_samples_duration = jitter.samples as f64 / f64::from(buffer.rate());
        }
        let clock_rate = if transceiver.is_audio() {
            48_000.0
        } else {
            90_000.0
        };
        let reception = match &track {
            Some(Track::Audio(track)) => track.reception(),
            Some(Track::Video(_)) | None => Reception::default(),
        };
        out.push(RtcStats::InboundRtp(InboundRtpStats {
            rtc: head(format!("I{mid}")),
            stream: d::RtpStreamStats {
                ssrc: reception.ssrc().unwrap_or_default(),
                kind: kind(transceiver),
                transport_id: TRANSPORT.into(),
                codec_id: format!("C{mid}"),
            },
            received: d::ReceivedRtpStreamStats {
                packets_received: stats.packets,
                packets_lost: reception.lost(),
                jitter: f64::from(stats.jitter) / clock_rate,
            },
            inbound,
        }));
        if let Some(remote) = &stats.remote {
            out.push(RtcStats::RemoteOutboundRtp(RemoteOutboundRtpStats {
                rtc: head(format!("RO{mid}")),
                stream: d::RtpStreamStats {
                    ssrc: reception.ssrc().unwrap_or_default(),
                    kind: kind(transceiver),
                    ..Default::default()
                },
                sent: d::SentRtpStreamStats {
                    packets_sent: remote.packets,
                    bytes_sent: remote.bytes,
                },
                remote_outbound: d::RemoteOutboundRtpStreamStats {
                    local_id: format!("I{mid}"),
                    round_trip_time: stats.rtt.map_or(0.0, |rtt| rtt.as_secs_f64()),
                    ..Default::default()
                },
            }));
        }
    }

    fn report_outbound(&self, transceiver: &Transceiver, mid: &str, out: &mut Vec<RtcStats>) {
        let Some(track) = transceiver.sender_track() else {
            return;
        };
        out.push(RtcStats::MediaSource(MediaSourceStats {
            rtc: head(format!("S{mid}")),
            source: d::MediaSourceStats {
                track_identifier: track.id(),
                kind: kind(transceiver),
            },
            ..Default::default()
        }));
        let Some(stats) = self.stats.egress.get(mid) else {
            return;
        };
        out.push(RtcStats::OutboundRtp(OutboundRtpStats {
            rtc: head(format!("O{mid}")),
            stream: d::RtpStreamStats {
                ssrc: self.media.source_of(transceiver.index).unwrap_or_default(),
                kind: kind(transceiver),
                transport_id: TRANSPORT.into(),
                codec_id: format!("C{mid}"),
            },
            sent: d::SentRtpStreamStats {
                packets_sent: stats.packets,
                bytes_sent: stats.bytes,
            },
            outbound: d::OutboundRtpStreamStats {
                mid: mid.to_owned(),
                media_source_id: format!("S{mid}"),
                remote_id: format!("RI{mid}"),
                nack_count: stats.nacks as u32,
                fir_count: stats.firs as u32,
                pli_count: stats.plis as u32,
                active: transceiver
                    .sender_parameters()
                    .encodings
                    .iter()
                    .any(|e| e.active),
                ..Default::default()
            },
        }));
        if let Some(remote) = &stats.remote {
            out.push(RtcStats::RemoteInboundRtp(RemoteInboundRtpStats {
                rtc: head(format!("RI{mid}")),
                stream: d::RtpStreamStats {
                    ssrc: self.media.source_of(transceiver.index).unwrap_or_default(),
                    kind: kind(transceiver),
                    ..Default::default()
                },
                received: d::ReceivedRtpStreamStats {
                    packets_received: stats.packets.saturating_sub(remote.packets_lost),
                    packets_lost: remote.packets_lost as i64,
                    jitter: f64::from(remote.jitter) / 48_000.0,
                },
                remote_inbound: d::RemoteInboundRtpStreamStats {
                    local_id: format!("O{mid}"),
                    round_trip_time: stats.rtt.map_or(0.0, |rtt| rtt.as_secs_f64()),
                    fraction_lost: f64::from(stats.loss.unwrap_or(0.0)),
                    ..Default::default()
                },
            }));
        }
    }

    fn report_connection(&self, out: &mut Vec<RtcStats>) {
        out.push(RtcStats::PeerConnection(PeerConnectionStats {
            rtc: head("P"),
            pc: d::PeerConnectionStats {
                data_channels_opened: self.channels.opened,
                data_channels_closed: self.channels.closed,
            },
        }));
        for channel in self.channels.states() {
            let counters = channel.counters();
            out.push(RtcStats::DataChannel(DataChannelStats {
                rtc: head(format!("D{}", channel.label())),
                dc: d::DataChannelStats {
                    label: channel.label().to_owned(),
                    protocol: channel.protocol().to_owned(),
                    data_channel_identifier: channel.id(),
                    state: Some(channel.state()),
                    messages_sent: counters.messages_sent,
                    bytes_sent: counters.bytes_sent,
                    messages_received: counters.messages_received,
                    bytes_received: counters.bytes_received,
                },
            }));
        }
        let Some(peer) = &self.stats.peer else { return };
        let connected = self.shared.connection() == PeerConnectionState::Connected;
        out.push(RtcStats::Transport(TransportStats {
            rtc: head(TRANSPORT),
            transport: d::TransportStats {
                bytes_sent: peer.peer_bytes_tx,
                bytes_received: peer.peer_bytes_rx,
                dtls_state: Some(match connected {
                    true => DtlsTransportState::Connected,
                    false => DtlsTransportState::Connecting,
                }),
                selected_candidate_pair_id: "CP".into(),
                ..Default::default()
            },
        }));
        let Some(pair) = &peer.selected_candidate_pair else {
            return;
        };
        let host = IceCandidateType::Host;
        let local_type = match self.ways.is_relay(pair.local.addr) {
            true => IceCandidateType::Relay,
            false => host,
        };
        let candidate = |addr: std::net::SocketAddr, of_type| d::IceCandidateStats {
            transport_id: TRANSPORT.into(),
            address: addr.ip().to_string(),
            port: i32::from(addr.port()),
            protocol: format!("{:?}", pair.protocol).to_lowercase(),
            candidate_type: Some(of_type),
            ..Default::default()
        };
        out.push(RtcStats::CandidatePair(CandidatePairStats {
            rtc: head("CP"),
            candidate_pair: d::CandidatePairStats {
                transport_id: TRANSPORT.into(),
                local_candidate_id: "CL".into(),
                remote_candidate_id: "CR".into(),
                state: Some(IceCandidatePairState::Succeeded),
                nominated: true,
                bytes_sent: peer.peer_bytes_tx,
                bytes_received: peer.peer_bytes_rx,
                last_packet_received_timestamp: self
                    .liveness
                    .last_heard()
                    .map_or(0.0, clock::wall_ms_of),
                total_round_trip_time: pair.total_round_trip_time.as_secs_f64(),
                current_round_trip_time: pair
                    .current_round_trip_time
                    .map_or(0.0, |rtt| rtt.as_secs_f64()),
                responses_received: pair.responses_received,
                ..Default::default()
            },
        }));
        out.push(RtcStats::LocalCandidate(LocalCandidateStats {
            rtc: head("CL"),
            local_candidate: candidate(pair.local.addr, local_type),
        }));
        out.push(RtcStats::RemoteCandidate(RemoteCandidateStats {
            rtc: head("CR"),
            remote_candidate: candidate(pair.remote.addr, host),
        }));
    }
}
