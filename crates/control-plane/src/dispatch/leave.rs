//! PURE. The control plane's request that an agent leaves. LiveKit removes an agent within three seconds of deleting
//! its dispatch, which is too short for a last sentence.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Topic of the request, which LiveKit's server delivers only to the agent.
pub const LEAVE_TOPIC: &str = "sidetone.leave";
/// The longest time that an agent gets for its last words.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    /// The dispatch of the agent's job: the request is for the agent of that time, not for its successor.
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

/// How long the agent of this dispatch may take to leave. `None` if the request is not for it.
pub fn read(payload: &[u8], dispatch_id: &str) -> Option<Duration> {
    let request: Request = serde_json::from_slice(payload).ok()?;
    let is_mine = !dispatch_id.is_empty() && request.dispatch_id == dispatch_id;
    is_mine.then(|| Duration::from_millis(request.within_ms).min(LONGEST))
}

#[cfg(test)]
mod tests;
