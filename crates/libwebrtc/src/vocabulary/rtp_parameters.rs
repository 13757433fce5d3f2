//! The settings of a sender or receiver.

use crate::vocabulary::media::RtpTransceiverDirection;

/// Relative importance of a stream.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Priority {
    /// Below all others.
    VeryLow,
    /// The default.
    Low,
    /// Above the default.
    Medium,
    /// Above all others.
    High,
}

/// What video gives up first when bandwidth is short.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub enum DegradationPreference {
    /// Neither: frames are dropped.
    MaintainFramerateAndResolution,
    /// Resolution.
    MaintainFramerate,
    /// Frame rate.
    MaintainResolution,
    /// Some of both.
    #[default]
    Balanced,
}

impl DegradationPreference {
    /// The old name of `MaintainFramerateAndResolution`.
    #[deprecated(since = "0.8.0", note = "use MaintainFramerateAndResolution")]
    #[allow(non_upper_case_globals)]
    pub const Disabled: Self = Self::MaintainFramerateAndResolution;
}

/// An RTP header extension in use (RFC 8285).
#[derive(Debug, Clone)]
pub struct RtpHeaderExtensionParameters {
    /// Its URI.
    pub uri: String,
    /// Its id in packets.
    pub id: i32,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// The parameters of a sender or receiver.
#[derive(Debug, Clone, Default)]
pub struct RtpParameters {
    /// Negotiated codecs.
    pub codecs: Vec<RtpCodecParameters>,
    /// Negotiated header extensions.
    pub header_extensions: Vec<RtpHeaderExtensionParameters>,
    /// One entry for each encoding sent.
    pub encodings: Vec<RtpEncodingParameters>,
    /// RTCP parameters.
    pub rtcp: RtcpParameters,
    degradation_preference: Option<DegradationPreference>,
}

impl RtpParameters {
    /// Sets what video gives up first.
    pub fn set_degradation_preference(&mut self, preference: DegradationPreference) {
        self.degradation_preference = Some(preference);
    }

    /// What video gives up first, if that was set.
    pub fn degradation_preference(&self) -> Option<DegradationPreference> {
        self.degradation_preference
    }
}

/// A negotiated codec.
#[derive(Debug, Clone, Default)]
pub struct RtpCodecParameters {
    /// Its payload type.
    pub payload_type: u8,
    /// Its media type, such as `audio/opus`.
    pub mime_type: String,
    /// Its RTP clock in Hz.
    pub clock_rate: Option<u64>,
    /// Its number of channels.
    pub channels: Option<u16>,
}

/// RTCP parameters.
#[derive(Debug, Clone, Default)]
pub struct RtcpParameters {
    /// The sender's canonical name.
    pub cname: String,
    /// Whether reduced-size RTCP is in use.
    pub reduced_size: bool,
}

/// One encoding of a track.
#[derive(Debug, Clone)]
pub struct RtpEncodingParameters {
    /// Whether it is sent.
    pub active: bool,
    /// Upper limit in bits per second.
    pub max_bitrate: Option<u64>,
    /// Upper limit in frames per second (video).
    pub max_framerate: Option<f64>,
    /// Its priority.
    pub priority: Priority,
    /// Its simulcast id.
    pub rid: String,
    /// Factor by which video is scaled down.
    pub scale_resolution_down_by: Option<f64>,
    /// Scalability mode of video, such as `L3T3_KEY`.
    pub scalability_mode: Option<String>,
    /// Whether `ssrc` is set.
    pub has_ssrc: bool,
    /// Its synchronization source.
    pub ssrc: u32,
}

impl Default for RtpEncodingParameters {
    fn default() -> Self {
        Self {
            active: true,
            max_bitrate: None,
            max_framerate: None,
            priority: Priority::Low,
            rid: String::new(),
            scale_resolution_down_by: None,
            scalability_mode: None,
            has_ssrc: false,
            ssrc: 0,
        }
    }
}

/// A codec this side can use.
#[derive(Debug, Clone)]
pub struct RtpCodecCapability {
    /// Its number of channels.
    pub channels: Option<u16>,
    /// Its RTP clock in Hz.
    pub clock_rate: Option<u64>,
    /// Its media type, such as `audio/opus`.
    pub mime_type: String,
    /// Its format parameters.
    pub sdp_fmtp_line: Option<String>,
}

/// A header extension this side can use.
#[derive(Debug, Clone)]
pub struct RtpHeaderExtensionCapability {
    /// Its URI.
    pub uri: String,
    /// The directions it is supported in.
    pub direction: RtpTransceiverDirection,
}

/// What this side can send or receive.
#[derive(Debug, Clone)]
pub struct RtpCapabilities {
    /// Codecs, the preferred first.
    pub codecs: Vec<RtpCodecCapability>,
    /// Header extensions.
    pub header_extensions: Vec<RtpHeaderExtensionCapability>,
}
