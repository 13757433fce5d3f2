//! Whether a call could be taken: by the pool, and of this user.

use axum::http::StatusCode;

use super::error::Problem;
use super::limits::Limit;
use super::{AppState, LiveKitSide};
use sidetone_store::At;
use sidetone_store::allowance::Open;
use sidetone_store::places::Full;

/// Another call of a user's may be over by then.
const CALL_OVER: u32 = 30;

impl AppState {
    /// 503 when no worker could take another call.
    pub(super) async fn need_worker(&self, voice: &LiveKitSide) -> Result<(), Problem> {
        let now = sidetone_store::now();
        let name = voice.control.guard.agent_name();
        match self.store().places(name, now).await?.room(now) {
            Ok(_) => Ok(()),
            Err(full) => Err(self.nobody_free(full, now).await),
        }
    }

    /// 503: why nobody could come, and when to ask again.
    pub(super) async fn nobody_free(&self, full: Full, now: At) -> Problem {
        // What cannot be read is not known, and told no worse than that.
        let lasts = self.store().calls_last().await.unwrap_or_default();
        let seconds = full.retry_after(lasts, now);
        tracing::warn!(?full, seconds, "no worker could take another call");
        let why = match full {
            Full::Nobody => "No agent is running",
            Full::Calls(_) => "All agents are in calls",
            Full::Load => "All agents are busy",
            Full::Draining(_) => "The agents are being replaced",
        };
        Problem {
            retry_after: Some(seconds),
            ..Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "No agent is free",
                format!("{why}; try again in {seconds} s."),
            )
        }
    }

    /// 429 for a user who has as many calls as may be.
    pub(super) fn one_too_many(&self, open: Open, now: At) -> Problem {
        if open.at_once >= self.config().allowance.at_once {
            return Problem::too_many(Limit::Calls, CALL_OVER);
        }
        // The oldest token is no good any more then.
        let ttl = self.config().token_ttl.as_secs();
        let age = open.first_unjoined.map(|first| (now - first).num_seconds());
        let left = ttl.saturating_sub(age.unwrap_or(0).max(0).cast_unsigned());
        let seconds = u32::try_from(left).unwrap_or(u32::MAX).max(1);
        Problem::too_many(Limit::Tokens, seconds)
    }

    /// 429 for a user with as many agents as may be, beside the one of this room.
    pub(super) async fn need_place_of(&self, user_id: &str, room: &str) -> Result<(), Problem> {
        let agents = self.store().agents_of_user(user_id, room).await?;
        match agents >= self.config().allowance.at_once {
            true => Err(Problem::too_many(Limit::Calls, CALL_OVER)),
            false => Ok(()),
        }
    }
}
