//! PURE. What becomes of a call when somebody joins its room.

use chrono::TimeDelta;

use sidetone_store::{At, Call};

/// A call that has been over for less than this is gone on with.
const GOES_ON: TimeDelta = TimeDelta::seconds(60);
/// Who is seen first so soon after a failure was there when it was told.
const TOLD: TimeDelta = TimeDelta::seconds(5);

/// Which call somebody who joins comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// The call that is open.
    Open,
    /// The call that was over: it goes on.
    Resumes,
    /// Another one.
    Anew,
}

/// Which call somebody comes to whose stay is not known (`is_new`); None: nobody has come back to a call
/// that is over.
pub(super) fn comes_back(call: &Call, is_new: bool, now: At) -> Option<Back> {
    let Some(ended) = call.ended_at else {
        return Some(Back::Open);
    };
    // Those who were in the call and stay in the room have heard its end.
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

#[cfg(test)]
mod tests;
