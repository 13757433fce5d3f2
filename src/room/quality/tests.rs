use livekit::webrtc::stats::*;

use super::*;

fn received(id: &str, packets: u64, lost: i64, samples: u64, concealed: u64) -> RtcStats {
    let mut stats = InboundRtpStats::default();
    stats.rtc.id = id.into();
    stats.stream.kind = "audio".into();
    stats.received.packets_received = packets;
    stats.received.packets_lost = lost;
    stats.received.jitter = 0.004;
    stats.inbound.total_samples_received = samples;
    stats.inbound.concealed_samples = concealed;
    RtcStats::InboundRtp(stats)
}

fn sent(packets: u64, lost: i64) -> RtcStats {
    let mut stats = RemoteInboundRtpStats::default();
    stats.stream.kind = "audio".into();
    stats.received.packets_received = packets;
    stats.received.packets_lost = lost;
    RtcStats::RemoteInboundRtp(stats)
}

fn pair(rtt: f64) -> RtcStats {
    let mut stats = CandidatePairStats::default();
    stats.candidate_pair.current_round_trip_time = rtt;
    RtcStats::CandidatePair(stats)
}

fn candidate(protocol: &str, of_type: IceCandidateType) -> RtcStats {
    let mut stats = LocalCandidateStats::default();
    stats.local_candidate.protocol = protocol.into();
    stats.local_candidate.candidate_type = Some(of_type);
    RtcStats::LocalCandidate(stats)
}

fn media(looks: &[&[RtcStats]]) -> Option<Media> {
    let quality = Quality::default();
    for look in looks {
        quality.look(*look);
    }
    quality.media()
}

#[test]
fn a_call_without_sound_has_no_figures() {
    assert_eq!(media(&[]), None);
    let quiet = [received("I0", 0, 0, 0, 0), pair(0.1)];
    assert_eq!(media(&[&quiet]), None);
}

#[test]
fn counts_are_those_of_the_last_look_and_the_rest_are_means() {
    let first = [received("I0", 50, 0, 16_000, 0), sent(40, 0), pair(0.010)];
    let second = [received("I0", 99, 1, 32_000, 320), sent(95, 5), pair(0.030)];
    let media = media(&[&first, &second]).unwrap();
    assert_eq!(media.rtt_ms, Some(20.0));
    let way = media.received;
    assert_eq!((way.packets, way.lost_percent), (100, 1.0));
    assert_eq!(way.jitter_ms, Some(4.0));
    assert_eq!(way.concealed_percent, Some(1.0));
    assert_eq!((media.sent.packets, media.sent.lost_percent), (100, 5.0));
    assert_eq!(media.sent.concealed_percent, None);
    // 1 of 11 and 5 of 25, times 95: the model's impairment from loss.
    assert_eq!(way.mos, Some(4.18));
    assert_eq!(media.sent.mos, Some(3.79));
}

#[test]
fn a_connection_made_anew_counts_from_the_start() {
    let before = [received("I0", 100, 0, 16_000, 0)];
    let after = [received("I0", 10, 5, 1_600, 160)];
    let media = media(&[&before, &after, &after]).unwrap();
    assert_eq!(media.received.packets, 115);
    assert_eq!(media.received.lost_percent, 4.35);
    assert_eq!(media.received.concealed_percent, Some(0.91));
}

#[test]
fn a_packet_that_came_late_after_all_is_not_lost() {
    let before = [received("I0", 90, 10, 0, 0)];
    let after = [received("I0", 100, 0, 0, 0)];
    let media = media(&[&before, &after]).unwrap();
    assert_eq!(
        (media.received.packets, media.received.lost_percent),
        (100, 0.0)
    );
}

#[test]
fn the_path_is_the_last_one() {
    for (protocol, of_type, path) in [
        ("udp", IceCandidateType::Host, MediaPath::Udp),
        ("tcp", IceCandidateType::Host, MediaPath::Tcp),
        ("udp", IceCandidateType::Relay, MediaPath::Relay),
    ] {
        let before = [candidate("udp", IceCandidateType::Host), sent(1, 0)];
        let after = [candidate(protocol, of_type)];
        assert_eq!(media(&[&before, &after]).unwrap().path, Some(path));
    }
}
