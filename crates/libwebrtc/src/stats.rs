//! Statistics, in the shapes and under the names of the W3C's
//! [webrtc-stats](https://www.w3.org/TR/webrtc-stats/). The engine fills what
//! it measures and leaves the rest at zero.

use std::collections::HashMap;

use serde::Deserialize;

use crate::data_channel::DataChannelState;

/// A closed set of names, written in JSON in the given case.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident $case:literal {
        $($(#[$default:meta])? $variant:ident),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Copy, Clone, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = $case)]
        #[allow(missing_docs)]
        pub enum $name { $($(#[$default])? $variant),+ }
    };
}

/// A report made of dictionaries that share one flat JSON object.
macro_rules! report {
    ($(#[$meta:meta])* $name:ident { $($part:ident: $dictionary:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Default, Clone, Deserialize)]
        #[allow(missing_docs)]
        pub struct $name { $(#[serde(flatten)] pub $part: dictionaries::$dictionary),* }
    };
}

/// One report of `get_stats`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum RtcStats {
    Codec(CodecStats),
    InboundRtp(InboundRtpStats),
    OutboundRtp(OutboundRtpStats),
    RemoteInboundRtp(RemoteInboundRtpStats),
    RemoteOutboundRtp(RemoteOutboundRtpStats),
    MediaSource(MediaSourceStats),
    MediaPlayout(MediaPlayoutStats),
    PeerConnection(PeerConnectionStats),
    DataChannel(DataChannelStats),
    Transport(TransportStats),
    CandidatePair(CandidatePairStats),
    LocalCandidate(LocalCandidateStats),
    RemoteCandidate(RemoteCandidateStats),
    Certificate(CertificateStats),
    Stream(StreamStats),
    /// No longer produced by anyone.
    Track,
}

names! {
    /// What holds a video sender back.
    #[derive(Default)]
    QualityLimitationReason "lowercase" { #[default] None, Cpu, Bandwidth, Other }
}
names! {
    /// Which side picks the candidate pair.
    #[derive(Default)]
    IceRole "lowercase" { #[default] Unknown, Controlling, Controlled }
}
names! {
    /// The state of DTLS.
    DtlsTransportState "lowercase" { New, Connecting, Connected, Closed, Failed }
}
names! {
    /// The state of ICE.
    IceTransportState "lowercase" { New, Checking, Connected, Completed, Disconnected, Failed, Closed }
}
names! {
    /// Which side opened DTLS.
    #[derive(Default)]
    DtlsRole "lowercase" { Client, Server, #[default] Unknown }
}
names! {
    /// The state of a candidate pair's checks.
    IceCandidatePairState "kebab-case" { Frozen, Waiting, InProgress, Failed, Succeeded }
}
names! {
    /// How a candidate was found.
    IceCandidateType "lowercase" { Host, Srflx, Prflx, Relay }
}
names! {
    /// How a relay is reached.
    IceServerTransportProtocol "lowercase" { Udp, Tcp, Tls }
}
names! {
    /// The part a TCP candidate plays (RFC 6544).
    IceTcpCandidateType "lowercase" { Active, Passive, So }
}

report! {
    /// A codec in use.
    CodecStats { rtc: RtcStats, codec: CodecStats }
}
report! {
    /// A stream we receive.
    InboundRtpStats { rtc: RtcStats, stream: RtpStreamStats, received: ReceivedRtpStreamStats, inbound: InboundRtpStreamStats }
}
report! {
    /// A stream we send.
    OutboundRtpStats { rtc: RtcStats, stream: RtpStreamStats, sent: SentRtpStreamStats, outbound: OutboundRtpStreamStats }
}
report! {
    /// What the other side receives of ours.
    RemoteInboundRtpStats { rtc: RtcStats, stream: RtpStreamStats, received: ReceivedRtpStreamStats, remote_inbound: RemoteInboundRtpStreamStats }
}
report! {
    /// What the other side sends.
    RemoteOutboundRtpStats { rtc: RtcStats, stream: RtpStreamStats, sent: SentRtpStreamStats, remote_outbound: RemoteOutboundRtpStreamStats }
}
report! {
    /// What goes into an encoder.
    MediaSourceStats { rtc: RtcStats, source: MediaSourceStats, audio: AudioSourceStats, video: VideoSourceStats }
}
report! {
    /// What comes out of playout.
    MediaPlayoutStats { rtc: RtcStats, audio_playout: AudioPlayoutStats }
}
report! {
    /// The connection as a whole.
    PeerConnectionStats { rtc: RtcStats, pc: PeerConnectionStats }
}
report! {
    /// A data channel.
    DataChannelStats { rtc: RtcStats, dc: DataChannelStats }
}
report! {
    /// The transport under all media.
    TransportStats { rtc: RtcStats, transport: TransportStats }
}
report! {
    /// A pair of candidates.
    CandidatePairStats { rtc: RtcStats, candidate_pair: CandidatePairStats }
}
report! {
    /// A candidate of ours.
    LocalCandidateStats { rtc: RtcStats, local_candidate: IceCandidateStats }
}
report! {
    /// A candidate of the other side.
    RemoteCandidateStats { rtc: RtcStats, remote_candidate: IceCandidateStats }
}
report! {
    /// A DTLS certificate.
    CertificateStats { rtc: RtcStats, certificate: CertificateStats }
}
report! {
    /// A media stream.
    StreamStats { rtc: RtcStats, stream: StreamStats }
}

/// The dictionaries reports are made of, named and typed as in the standard.
pub mod dictionaries;
