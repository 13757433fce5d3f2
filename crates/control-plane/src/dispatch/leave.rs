//! PURE. How the control plane asks an agent to leave: LiveKit removes one within three seconds of
//! withdrawing its dispatch, which is too short for a sentence.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Topic of the request, which LiveKit's server delivers to the agent alone.
pub const LEAVE_TOPIC: &str = "sidetone.leave";
/// No agent is asked to stay longer than this for its last words.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    /// Of the agent's job: a request is for the agent that was there when it was made, not for its successor.
    dispatch_id: String,
    within_ms: u64,
}

/// The request to the agent of this dispatch.
pub fn request(dispatch_id: &str, budget: Duration) -> Value {
    json!(Request {
        dispatch_id: dispatch_id.to_owned(),
        within_ms: budget.as_millis().try_into().unwrap_or(u64::MAX),
    })
}

/// How long the agent of this dispatch may take to leave; none when it was not asked to.
pub fn read(payload: &[u8], dispatch_id: &str) -> Option<Duration> {
    let request: Request = serde_json::from_slice(payload).ok()?;
    let is_mine = !dispatch_id.is_empty() && request.dispatch_id == dispatch_id;
    is_mine.then(|| Duration::from_millis(request.within_ms).min(LONGEST))
}

#[cfg(test)]
mod tests;
