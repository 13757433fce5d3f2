//! A transport address at which one side may be reached (RFC 8839).

use std::fmt;

use crate::vocabulary::session_description::SdpParseError;

/// An ICE candidate as carried by signalling: its text and its media section.
#[derive(Clone)]
pub struct IceCandidate {
    sdp_mid: String,
    sdp_mline_index: i32,
    candidate: String,
}

impl IceCandidate {
    /// Accepts any candidate. Never fails: an unusable one (an unknown transport, a host name) is skipped when it is
    /// added, because callers unwrap this result.
    pub fn parse(
        sdp_mid: &str,
        sdp_mline_index: i32,
        sdp: &str,
    ) -> Result<IceCandidate, SdpParseError> {
        Ok(Self {
            sdp_mid: sdp_mid.to_owned(),
            sdp_mline_index,
            candidate: sdp.to_owned(),
        })
    }

    /// The media section's id.
    pub fn sdp_mid(&self) -> String {
        self.sdp_mid.clone()
    }

    /// The media section's index in the description.
    pub fn sdp_mline_index(&self) -> i32 {
        self.sdp_mline_index
    }

    /// The `candidate:` line.
    pub fn candidate(&self) -> String {
        self.candidate.clone()
    }
}

impl fmt::Display for IceCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.candidate)
    }
}

impl fmt::Debug for IceCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCandidate")
            .field("candidate", &self.candidate)
            .finish()
    }
}
