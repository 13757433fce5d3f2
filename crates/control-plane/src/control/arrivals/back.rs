//! PURE. Decides which call somebody who joins a room belongs to.

use chrono::TimeDelta;

use sidetone_store::dispatches::Dispatch;
use sidetone_store::{At, Call};

/// A call that has been over for less than this is resumed.
const GOES_ON: TimeDelta = TimeDelta::seconds(60);
/// Somebody first seen this soon after a failure was present when it was announced.
const TOLD: TimeDelta = TimeDelta::seconds(5);

/// The call of somebody who joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// The open call.
    Open,
    /// The finished call, which is resumed.
    Resumes,
    /// A new call.
    Anew,
}

/// The call of somebody whose stay is not known yet (`is_new`). `None` if nobody has come back to a finished call.
pub(super) fn comes_back(call: &Call, is_new: bool, now: At) -> Option<Back> {
    let Some(ended) = call.ended_at else {
        return Some(Back::Open);
    };
    // People who were in the call and stay in the room have heard its end.
    let is_told = call.failed_at.is_some_and(|failed| now - failed < TOLD);
    if !is_new || is_told {
        return None;
    }
    Some(if !call.hung_up && now - ended < GOES_ON {
        Back::Resumes
    } else {
        Back::Anew
    })
}

/// Whether the room's agent was asked for since somebody came back: another control plane has seen the same. `before`:
/// the call as it was when they came; `now`: the one that they come to.
pub(super) fn is_asked_since(before: &Call, now: &Call, agent: &Dispatch) -> bool {
    let is_since = match before.ended_at {
        Some(ended) if before.id == now.id => agent.since > ended,
        _ => before.id != now.id && agent.call_id == Some(now.id),
    };
    agent.state.is_live() && is_since
}

#[cfg(test)]
mod tests;
