//! Statistics, in the forms and under the names of the W3C's [webrtc-stats](https://www.w3.org/TR/webrtc-stats/). The
//! engine fills in what it measures and leaves the rest at zero.

use serde::Deserialize;

/// The dictionaries that reports consist of, named and typed as in the standard.
pub mod dictionaries;
mod names;

pub use names::*;

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
    /// No longer produced.
    Track,
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
    /// The other side's report about a stream we send.
    RemoteInboundRtpStats { rtc: RtcStats, stream: RtpStreamStats, received: ReceivedRtpStreamStats, remote_inbound: RemoteInboundRtpStreamStats }
}
report! {
    /// The other side's report about a stream it sends.
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
