//! The quality of a call's media path between its agent and LiveKit's server.

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
    /// Directly, over UDP.
    Udp,
    /// Directly, over TCP.
    Tcp,
    /// Through a TURN server.
    Relay,
}

/// Measurements of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = CallMediaWay)]
pub struct MediaWay {
    /// Packets sent, including lost ones.
    pub packets: u64,
    /// Percentage of them that never arrived.
    pub lost_percent: f64,
    /// Mean jitter, milliseconds.
    pub jitter_ms: Option<f64>,
    /// Percentage of the audio played, silence aside, that the agent had to conceal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concealed_percent: Option<f64>,
    /// Estimated mean opinion score of this direction, 1 (bad) to 4.5.
    pub mos: Option<f64>,
}

/// Measurements of both directions, by the call's last agent. The path between the server and the caller is not
/// included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = CallMedia)]
pub struct Media {
    /// How the agent was last connected to LiveKit's server.
    pub path: Option<MediaPath>,
    /// Mean round-trip time to the server, milliseconds.
    pub rtt_ms: Option<f64>,
    /// From the caller.
    pub received: MediaWay,
    /// To the caller.
    pub sent: MediaWay,
}

impl Store {
    /// Stores a call's measurements, replacing those of an earlier agent. Returns false if there is no such call, or
    /// it was erased.
    ///
    /// # Errors
    /// The database did not answer; nothing has changed then.
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

    /// A call's measurements. `None` until an agent has left it.
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
