//! Why a telephone was not reached. Pure.

use livekit_api::services::{ServerError, ServerErrorCode, ServiceError, SipCallError};

use sidetone_store::Outcome;

/// Why a telephone was not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReached {
    /// What became of it.
    pub outcome: Outcome,
    /// What the telephone network or LiveKit said.
    pub reason: String,
}

impl NotReached {
    /// By the status of the telephone network (RFC 3261, section 21), where it said one. LiveKit itself ends the
    /// ringing with the code of any request that is cut off, so that one counts as unanswered only if the telephone
    /// `rang_out`, for as long as it was to.
    pub fn of(error: &ServiceError, rang_out: bool) -> Self {
        let sip = SipCallError::from_error(error);
        let status = sip.as_ref().and_then(SipCallError::sip_status_code);
        let outcome = match status {
            Some(486 | 600) => Outcome::Busy,
            // 487: the ringing was ended by us.
            Some(408 | 480 | 487) => Outcome::NoAnswer,
            Some(403 | 603 | 607) => Outcome::Declined,
            None if rang_out && is_cut_off(error) => Outcome::NoAnswer,
            Some(_) | None => Outcome::Failed,
        };
        let words = sip.and_then(|sip| sip.sip_status().map(str::to_owned));
        let reason = match (status, words) {
            (Some(status), Some(words)) => format!("{status} {words}"),
            (Some(status), None) => status.to_string(),
            (None, _) => error.to_string(),
        };
        Self { outcome, reason }
    }
}

/// `canceled` is the SIP service's word for the end of the ringing, `deadline_exceeded` that of livekit-server,
/// which waits for 80 s.
fn is_cut_off(error: &ServiceError) -> bool {
    let ServiceError::Twirp(ServerError::Twirp(error)) = error else {
        return false;
    };
    [
        ServerErrorCode::CANCELED,
        ServerErrorCode::DEADLINE_EXCEEDED,
    ]
    .contains(&error.code.as_str())
}

#[cfg(test)]
mod tests;
