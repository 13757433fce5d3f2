//! Where connections and tracks come from.

use crate::peer_connection::PeerConnection;
use crate::rtp_parameters::{RtpCapabilities, RtpCodecCapability};
use crate::{MediaType, RtcError};

/// STUN or TURN servers; see [`Unsupported::IceServers`].
///
/// [`Unsupported::IceServers`]: crate::unsupported::Unsupported::IceServers
#[derive(Debug, Clone)]
pub struct IceServer {
    /// Their addresses.
    pub urls: Vec<String>,
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// Whether to look for new addresses while connected.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ContinualGatheringPolicy {
    GatherOnce,
    GatherContinually,
}

/// Which candidates may be used; see [`Unsupported::RelayOnly`].
///
/// [`Unsupported::RelayOnly`]: crate::unsupported::Unsupported::RelayOnly
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IceTransportsType {
    Relay,
    NoHost,
    All,
}

/// How a connection is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RtcConfiguration {
    /// STUN and TURN servers.
    pub ice_servers: Vec<IceServer>,
    /// Whether to look for new addresses while connected.
    pub continual_gathering_policy: ContinualGatheringPolicy,
    /// Which candidates may be used.
    pub ice_transport_type: IceTransportsType,
    /// Open SCTP inside the SDP exchange. Not used: a peer falls back by itself.
    pub enable_sctp_snap: bool,
}

impl Default for RtcConfiguration {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            continual_gathering_policy: ContinualGatheringPolicy::GatherContinually,
            ice_transport_type: IceTransportsType::All,
            enable_sctp_snap: false,
        }
    }
}

/// Makes connections and tracks. It holds nothing itself.
#[derive(Debug, Clone, Default)]
pub struct PeerConnectionFactory {}

impl PeerConnectionFactory {
    /// The same as the default: the option is about video.
    pub fn with_zero_playout_delay() -> Self {
        Self {}
    }

    /// The same as the default: the options are about video and about faster
    /// handshakes, which a peer offers again without them.
    pub fn with_options(_zero_playout_delay: bool, _enable_warp: bool) -> Self {
        Self {}
    }

    /// Makes a connection and starts its task, on the caller's tokio runtime or,
    /// where there is none, on a thread of its own.
    ///
    /// # Errors
    /// When the configuration is not supported or no socket can be bound.
    pub fn create_peer_connection(
        &self,
        config: RtcConfiguration,
    ) -> Result<PeerConnection, RtcError> {
        PeerConnection::new(config)
    }

    /// What this side can send.
    pub fn get_rtp_sender_capabilities(&self, media_type: MediaType) -> RtpCapabilities {
        capabilities(media_type)
    }

    /// What this side can receive.
    pub fn get_rtp_receiver_capabilities(&self, media_type: MediaType) -> RtpCapabilities {
        capabilities(media_type)
    }
}

/// Opus; and for video the codecs that are negotiated, though never used.
fn capabilities(media_type: MediaType) -> RtpCapabilities {
    let codec = |mime_type: &str, clock_rate, channels, fmtp: Option<&str>| RtpCodecCapability {
        channels,
        clock_rate: Some(clock_rate),
        mime_type: mime_type.into(),
        sdp_fmtp_line: fmtp.map(Into::into),
    };
    let codecs = match media_type {
        MediaType::Audio => {
            vec![codec(
                "audio/opus",
                48_000,
                Some(2),
                Some("minptime=10;useinbandfec=1"),
            )]
        }
        MediaType::Video => ["VP8", "H264", "VP9", "AV1"]
            .map(|name| codec(&format!("video/{name}"), 90_000, None, None))
            .into(),
        MediaType::Data | MediaType::Unsupported => Vec::new(),
    };
    RtpCapabilities {
        codecs,
        header_extensions: Vec::new(),
    }
}

/// The factory methods of a native build.
pub mod native {
    use super::PeerConnectionFactory;
    use crate::audio_source::AudioSourceOptions;
    use crate::audio_source::native::NativeAudioSource;
    use crate::audio_track::RtcAudioTrack;
    use crate::unsupported::Unsupported;
    use crate::video_source::native::NativeVideoSource;
    use crate::video_track::RtcVideoTrack;

    /// Declares the methods about this machine's sound devices, of which there
    /// are none: lists are empty and everything else is refused.
    macro_rules! device_methods {
        ($($name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty = $value:expr)?;)+) => {
            /// Tracks, and sound devices ([`Unsupported::AudioDevices`]).
            #[allow(missing_docs)]
            pub trait PeerConnectionFactoryExt {
                fn create_video_track(&self, label: &str, source: NativeVideoSource) -> RtcVideoTrack;
                fn create_audio_track(&self, label: &str, source: NativeAudioSource) -> RtcAudioTrack;
                fn create_device_audio_track(&self, label: &str) -> RtcAudioTrack;
                $(fn $name(&self, $($arg: $type),*) $(-> $ret)?;)+
            }

            impl PeerConnectionFactoryExt for PeerConnectionFactory {
                fn create_video_track(&self, label: &str, _source: NativeVideoSource) -> RtcVideoTrack {
                    Unsupported::Video.report();
                    RtcVideoTrack::new(label.to_owned())
                }

                fn create_audio_track(&self, label: &str, source: NativeAudioSource) -> RtcAudioTrack {
                    RtcAudioTrack::local(label.to_owned(), source)
                }

                /// A silent track: there is no microphone.
                fn create_device_audio_track(&self, label: &str) -> RtcAudioTrack {
                    Unsupported::AudioDevices.report();
                    let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 0);
                    RtcAudioTrack::local(label.to_owned(), source)
                }

                $(fn $name(&self, $(_: $type),*) $(-> $ret)? {
                    Unsupported::AudioDevices.report();
                    $($value)?
                })+
            }
        };
    }

    device_methods! {
        playout_devices() -> i16 = 0;
        recording_devices() -> i16 = 0;
        playout_device_name(index: u16) -> String = String::new();
        recording_device_name(index: u16) -> String = String::new();
        playout_device_guid(index: u16) -> String = String::new();
        recording_device_guid(index: u16) -> String = String::new();
        set_playout_device(index: u16) -> bool = false;
        set_recording_device(index: u16) -> bool = false;
        set_playout_device_by_guid(guid: &str) -> bool = false;
        set_recording_device_by_guid(guid: &str) -> bool = false;
        stop_recording() -> bool = false;
        init_recording() -> bool = false;
        start_recording() -> bool = false;
        recording_is_initialized() -> bool = false;
        stop_playout() -> bool = false;
        init_playout() -> bool = false;
        start_playout() -> bool = false;
        playout_is_initialized() -> bool = false;
        builtin_aec_is_available() -> bool = false;
        builtin_agc_is_available() -> bool = false;
        builtin_ns_is_available() -> bool = false;
        enable_builtin_aec(enable: bool) -> bool = false;
        enable_builtin_agc(enable: bool) -> bool = false;
        enable_builtin_ns(enable: bool) -> bool = false;
        set_adm_recording_enabled(enabled: bool);
        adm_recording_enabled() -> bool = false;
        set_adm_playout_enabled(enabled: bool);
        adm_playout_enabled() -> bool = false;
        acquire_platform_adm() -> bool = false;
        release_platform_adm();
        platform_adm_ref_count() -> i32 = 0;
        is_platform_adm_active() -> bool = false;
    }
}
