//! Where connections and tracks come from.

use crate::peer_connection::PeerConnection;
use crate::vocabulary::error::RtcError;
use crate::vocabulary::media::MediaType;
use crate::vocabulary::rtp_parameters::{RtpCapabilities, RtpCodecCapability};

pub mod native;

pub use crate::vocabulary::configuration::RtcConfiguration;
pub use crate::vocabulary::gathering::{ContinualGatheringPolicy, IceServer, IceTransportsType};
pub use crate::vocabulary::paths::{Path, PathWatch, Paths, Tried};

/// Creates connections and tracks. It holds no state.
#[derive(Debug, Clone, Default)]
pub struct PeerConnectionFactory {}

impl PeerConnectionFactory {
    /// The same as the default: the option is about video.
    pub fn with_zero_playout_delay() -> Self {
        Self {}
    }

    /// The same as the default: the options concern video and a faster handshake, which a peer can do without.
    pub fn with_options(_zero_playout_delay: bool, _enable_warp: bool) -> Self {
        Self {}
    }

    /// Creates a connection and starts its task, on the caller's tokio runtime or, if there is none, on its own thread.
    ///
    /// # Errors
    /// When no socket can be bound.
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
