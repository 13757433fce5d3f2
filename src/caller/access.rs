//! How the scripted caller gets into a room: like a person's client, by requesting a token from an endpoint; or with a
//! URL and token given by hand, to try any LiveKit agent.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::phone::Phone;

/// Where the token comes from.
#[derive(Debug, Clone)]
pub enum Access {
    /// `POST {server}/api/voice/token`, which also starts an agent.
    Server {
        /// Base address of `sidetone serve`, such as `http://127.0.0.1:8080`.
        server: String,
        /// Bearer token or API key, if the server requires one.
        api_key: Option<String>,
        /// What to ask for.
        request: TokenRequest,
    },
    /// A room of LiveKit's own, as its SIP service makes one for a telephone.
    Phone(Phone),
    /// A LiveKit URL and a participant's token.
    Token {
        /// `ws://` or `wss://`.
        url: String,
        /// JWT that opens the room.
        token: String,
    },
}

/// Body of `POST /api/voice/token`.
#[derive(Debug, Clone, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct TokenRequest {
    /// `support` gets an agent.
    pub room_type: String,
    /// The caller's name in the room.
    pub participant_name: String,
    /// Which agent (a file in agent-config). `None` for the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// One of the six voices. `None` for the agent's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Values for the prompt's variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// Access to a room.
#[derive(Debug, Clone)]
pub struct Granted {
    /// LiveKit's address.
    pub url: String,
    /// The participant's token. A secret: never logged.
    pub token: String,
    /// The call's id, if a Sidetone server gave the token.
    pub call_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenAnswer {
    token: String,
    livekit_host: String,
    call_id: String,
    agent_spawned: bool,
}

/// How long a token endpoint may take; it dispatches an agent on the way.
const DEADLINE: Duration = Duration::from_secs(15);

impl Access {
    /// Gets the token.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses; the message quotes its answer.
    pub async fn obtain(&self) -> anyhow::Result<Granted> {
        match self {
            Self::Phone(phone) => Ok(Granted {
                url: phone.livekit.host.clone(),
                token: phone.token()?,
                call_id: None,
            }),
            Self::Token { url, token } => Ok(Granted {
                url: url.clone(),
                token: token.clone(),
                call_id: None,
            }),
            Self::Server {
                server,
                api_key,
                request,
            } => {
                let address = format!("{}/api/voice/token", server.trim_end_matches('/'));
                // The key is for this server, wherever it redirects to.
                let client = reqwest::Client::builder()
                    .redirect(reqwest::redirect::Policy::none())
                    .build()?;
                let mut asking = client.post(&address).timeout(DEADLINE).json(request);
                if let Some(key) = api_key {
                    asking = asking.bearer_auth(key);
                }
                let answer = asking.send().await.with_context(|| {
                    format!("{address} cannot be reached; is `sidetone serve` running there?")
                })?;
                let status = answer.status();
                let body = answer
                    .text()
                    .await
                    .context("the token endpoint's answer broke off")?;
                if !status.is_success() {
                    bail!("{address} answered {status}: {body}");
                }
                let answer: TokenAnswer = serde_json::from_str(&body)
                    .with_context(|| format!("{address} did not answer with a token"))?;
                if !answer.agent_spawned {
                    tracing::warn!("the server gave a token but no agent was asked for");
                }
                Ok(Granted {
                    url: answer.livekit_host,
                    token: answer.token,
                    call_id: Some(answer.call_id),
                })
            }
        }
    }
}
