//! Calls of a participant's RPC methods through the server (`RoomService.PerformRpc`), for which livekit-api 0.10 has
//! only the types.

use std::time::Duration;

use livekit_api::access_token::{AccessToken, VideoGrants};
use serde::Deserialize;
use serde_json::json;

use sidetone_config::env::LiveKit;
use sidetone_config::livekit::ApiKeys;

/// What the server needs in addition to the participant's time.
const SERVER: Duration = Duration::from_millis(1_500);

/// The outcome of an RPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The participant returned this.
    Given(String),
    /// The participant has no such method, or returned another error.
    Refused(String),
    /// The participant did not respond in time, or cannot be reached.
    Silence(String),
    /// The server did not respond, or does not support such RPCs: nothing is known about the participant.
    Unknown(String),
}

/// Makes the calls.
#[derive(Debug)]
pub(super) struct Client {
    http: Result<reqwest::Client, String>,
    url: String,
    keys: ApiKeys,
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    payload: String,
}

/// Twirp's error.
#[derive(Deserialize)]
struct Failed {
    code: String,
    #[serde(default)]
    msg: String,
}

impl Client {
    pub(super) fn new(livekit: &LiveKit) -> Self {
        // ws to http, wss to https.
        let host = livekit.host.strip_prefix("ws").unwrap_or_default();
        Self {
            http: (reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build())
            .map_err(|error| error.to_string()),
            url: format!("http{host}/twirp/livekit.RoomService/PerformRpc"),
            keys: livekit.keys.clone(),
        }
    }

    pub(super) async fn call(
        &self,
        room: &str,
        identity: &str,
        method: &str,
        payload: String,
        within: Duration,
    ) -> Answer {
        let called = self.try_call(room, identity, method, payload, within).await;
        called.unwrap_or_else(|error| Answer::Unknown(error.to_string()))
    }

    async fn try_call(
        &self,
        room: &str,
        identity: &str,
        method: &str,
        payload: String,
        within: Duration,
    ) -> anyhow::Result<Answer> {
        let http = self
            .http
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let grants = VideoGrants {
            room_admin: true,
            room: room.to_owned(),
            ..Default::default()
        };
        let key = self.keys.first();
        let token = AccessToken::with_api_key(&key.id, &key.secret.expose())
            .with_grants(grants)
            .to_jwt()?;
        let request = json!({
            "room": room,
            "destination_identity": identity,
            "method": method,
            "payload": payload,
            "response_timeout_ms": u32::try_from(within.as_millis())?,
        });
        let response = http
            .post(&self.url)
            .bearer_auth(token)
            .json(&request)
            .timeout(within + SERVER)
            .send()
            .await?;
        if response.status().is_success() {
            let given: Given = response.json().await?;
            return Ok(Answer::Given(given.payload));
        }
        Ok(response.json::<Failed>().await?.into())
    }
}

/// The server maps a participant's errors to these codes, and reports "canceled" if it has not responded in time.
impl From<Failed> for Answer {
    fn from(Failed { code, msg }: Failed) -> Self {
        let what = format!("{code}: {msg}");
        match code.as_str() {
            "canceled" | "deadline_exceeded" | "unavailable" | "not_found" => Self::Silence(what),
            // No such method.
            "invalid_argument" => Self::Refused(what),
            _ => Self::Unknown(what),
        }
    }
}
