//! Offers and answers (RFC 8866, RFC 3264).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The role of a description in the exchange.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum SdpType {
    /// One side proposes.
    Offer,
    /// A provisional answer.
    PrAnswer,
    /// The other side agrees.
    Answer,
    /// Withdraws the offer.
    Rollback,
}

impl SdpType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::PrAnswer => "pranswer",
            Self::Answer => "answer",
            Self::Rollback => "rollback",
        }
    }
}

impl FromStr for SdpType {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Offer, Self::PrAnswer, Self::Answer, Self::Rollback]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or("not one of offer, pranswer, answer, rollback")
    }
}

impl fmt::Display for SdpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An offer or answer. Kept as text: the engine parses it when it is applied.
#[derive(Clone)]
pub struct SessionDescription {
    sdp_type: SdpType,
    sdp: String,
}

/// A description that cannot be parsed.
#[derive(Clone, Error, Debug)]
#[error("cannot parse session description at {line:?}: {description}")]
pub struct SdpParseError {
    /// The line at fault.
    pub line: String,
    /// What is wrong with it.
    pub description: String,
}

impl SessionDescription {
    /// Checks the outer form of a description: a version line first, and `type=value` lines throughout.
    ///
    /// # Errors
    /// The first line that has another form.
    pub fn parse(sdp: &str, sdp_type: SdpType) -> Result<Self, SdpParseError> {
        let error = |line: &str, description: &str| SdpParseError {
            line: line.to_owned(),
            description: description.to_owned(),
        };
        let mut lines = sdp.lines();
        match lines.next() {
            Some(line) if line.trim_end() == "v=0" => {}
            line => return Err(error(line.unwrap_or(""), "expected v=0")),
        }
        for line in lines.filter(|line| !line.trim().is_empty()) {
            if line.as_bytes().get(1) != Some(&b'=') {
                return Err(error(line, "expected <type>=<value>"));
            }
        }
        Ok(Self::new(sdp_type, sdp.to_owned()))
    }

    pub(crate) fn new(sdp_type: SdpType, sdp: String) -> Self {
        Self { sdp_type, sdp }
    }

    pub(crate) fn sdp(&self) -> &str {
        &self.sdp
    }

    /// Whether this is an offer or an answer.
    pub fn sdp_type(&self) -> SdpType {
        self.sdp_type
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sdp)
    }
}

impl fmt::Debug for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionDescription")
            .field("sdp_type", &self.sdp_type)
            .finish()
    }
}

#[cfg(test)]
mod tests;
