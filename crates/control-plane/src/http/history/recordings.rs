//! A call's recordings, as the history shows them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sidetone_store::Recording;
use utoipa::ToSchema;

/// A recording of a call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingInfo {
    /// recording, kept (not in the bucket yet, or there is none), uploaded or failed.
    state: String,
    /// Who made it: process, or egress (LiveKit's; agent left, others right).
    mode: String,
    /// Whether it is paused, so that silence is recorded.
    paused: bool,
    /// Size of the file.
    bytes: Option<i64>,
    duration_ms: Option<i64>,
    /// Why it failed, or ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The time of its first sound.
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl From<Recording> for RecordingInfo {
    fn from(recording: Recording) -> Self {
        Self {
            state: recording.state.as_str().into(),
            mode: recording.mode.as_str().into(),
            paused: recording.paused,
            bytes: recording.bytes,
            duration_ms: recording.duration_ms,
            reason: recording.reason,
            started_at: recording.started_at,
            ended_at: recording.ended_at,
        }
    }
}
