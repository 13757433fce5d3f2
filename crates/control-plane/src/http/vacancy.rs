//! Whether a call can be taken: by the pool of workers, and within the user's limits.

use axum::http::StatusCode;

use super::error::Problem;
use super::limits::Limit;
use super::{AppState, LiveKitSide};
use sidetone_store::allowance::Open;
use sidetone_store::places::Full;
use sidetone_store::{At, StoreError};

/// Seconds after which another call of the user may be over.
const CALL_OVER: u32 = 30;

impl AppState {
    /// 503 if no worker can take another call.
    pub(super) async fn need_worker(&self, voice: &LiveKitSide) -> Result<(), Problem> {
        match self.room(voice).await? {
            Ok(_) => Ok(()),
            Err(full) => Err(self.nobody_free(full, sidetone_store::now()).await),
        }
    }

    /// How many more calls the pool takes, or why it takes none.
    pub(super) async fn room(
        &self,
        voice: &LiveKitSide,
    ) -> Result<Result<usize, Full>, StoreError> {
        let name = voice.control.guard.agent_name();
        let places = self.store().places(name, sidetone_store::now()).await?;
        Ok(places.room())
    }

    /// 503: why no agent can join, and when to try again.
    pub(super) async fn nobody_free(&self, full: Full, now: At) -> Problem {
        // If this cannot be read, the answer is the same as for an unknown duration.
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

    /// 429 for a user who has reached the limit of calls.
    pub(super) fn one_too_many(&self, open: Open, now: At) -> Problem {
        if open.at_once >= self.config().allowance.at_once {
            return Problem::too_many(Limit::Calls, CALL_OVER);
        }
        // By then the oldest token has expired.
        let ttl = self.config().token_ttl.as_secs();
        let age = open.first_unjoined.map(|first| (now - first).num_seconds());
        let left = ttl.saturating_sub(age.unwrap_or(0).max(0).cast_unsigned());
        let seconds = u32::try_from(left).unwrap_or(u32::MAX).max(1);
        Problem::too_many(Limit::Tokens, seconds)
    }

    /// 429 for a user who has reached the limit of agents, not counting the one in this room.
    pub(super) async fn need_place_of(&self, user_id: &str, room: &str) -> Result<(), Problem> {
        let agents = self.store().agents_of_user(user_id, room).await?;
        match agents >= self.config().allowance.at_once {
            true => Err(Problem::too_many(Limit::Calls, CALL_OVER)),
            false => Ok(()),
        }
    }
}
