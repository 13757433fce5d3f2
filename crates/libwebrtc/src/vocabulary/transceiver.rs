//! How transceivers are made.

use crate::vocabulary::media::RtpTransceiverDirection;
use crate::vocabulary::rtp_parameters::RtpEncodingParameters;

/// How a new transceiver starts.
#[derive(Debug, Clone)]
pub struct RtpTransceiverInit {
    /// Its direction.
    pub direction: RtpTransceiverDirection,
    /// The streams its track belongs to.
    pub stream_ids: Vec<String>,
    /// The encodings to send.
    pub send_encodings: Vec<RtpEncodingParameters>,
}
