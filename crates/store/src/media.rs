//! What a call's sound went through on its way between its agent and LiveKit's server.

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::in_call;
use super::{Store, StoreError, on};

/// How sound travels between an agent and LiveKit's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CallMediaPath)]
pub enum MediaPath {
    /// Straight, in datagrams.
    Udp,
    /// Straight, in a TCP connection.
    Tcp,
    /// By a TURN server.
    Relay,
}

/// Sound in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = CallMediaWay)]
pub struct MediaWay {
    /// Packets that were sent on it, lost ones among them.
    pub packets: u64,
    /// Percent of them that never came.
    pub lost_percent: f64,
    /// Mean jitter, milliseconds.
    pub jitter_ms: Option<f64>,
    /// Percent of what was played, silence aside, that the agent had to make up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concealed_percent: Option<f64>,
    /// Estimated mean opinion score of this way, 1 (bad) to 4.5.
    pub mos: Option<f64>,
}

/// Both directions, as the call's last agent measured them. The way between the server and the caller is not in
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = CallMedia)]
pub struct Media {
    /// How the agent reached LiveKit's server, at last.
    pub path: Option<MediaPath>,
    /// Mean time to the server and back, milliseconds.
    pub rtt_ms: Option<f64>,
    /// From the caller.
    pub received: MediaWay,
    /// To the caller.
    pub sent: MediaWay,
}

impl Store {
    /// Writes what a call's sound went through, in the place of what an earlier agent measured. False when there
    /// is no such call, or it was erased.
    ///
    /// # Errors
    /// The database did not answer; nothing is changed then.
    pub async fn save_media(&self, call_id: Uuid, media: &Media) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET media = $2 WHERE id = $1";
        Ok(in_call!(self, call_id, |tx| {
            sqlx::query(UPDATE)
                .bind(call_id)
                .bind(Json(media))
                .execute(&mut *tx)
                .await?;
            true
        }))
    }

    /// What a call's sound went through; none before an agent has left it.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn media(&self, call_id: Uuid) -> Result<Option<Media>, StoreError> {
        const SELECT: &str = "SELECT media FROM voice_calls WHERE id = $1";
        let row: Option<(Option<Json<Media>>,)> = on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?);
        Ok(row.and_then(|(media,)| media).map(|media| media.0))
    }
}
