//! What is asked for: our own request and LiveKit's standard one, checked into the same.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::AppState;
use crate::http::agent::{AgentWishes, MAX_NAME};
use crate::http::auth::Principal;
use crate::http::error::{Problem, check_text};
use sidetone_store::CallType;

/// Longest room name LiveKit and the table take, with place for our prefixes.
const MAX_ROOM: usize = 200;

/// What a caller asks for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenRequest {
    /// support (default), user-to-user or conference.
    #[schema(example = "support")]
    room_type: Option<String>,
    /// The name shown to others.
    #[schema(example = "John Doe", max_length = 128)]
    participant_name: Option<String>,
    /// user-to-user: who is called.
    callee_id: Option<String>,
    /// conference: the room to join, `conference-…`. user-to-user: the callee names the call's room.
    room_name: Option<String>,
    /// With an API key: the user the token is for.
    user_id: Option<String>,
    /// One of OpenAI's (alloy, echo, fable, onyx, nova, shimmer, ash, ballad, coral, sage, verse,
    /// marin, cedar), or one that an agent file names. Default: the agent file's.
    voice: Option<String>,
    /// Agent file to use.
    agent: Option<String>,
    /// off, process or egress, instead of what the agent's file says (backends and admins only).
    recording: Option<String>,
    /// Values for the prompt's `{{variables}}`.
    variables: Option<BTreeMap<String, String>>,
}

/// LiveKit's standard token request, as its client SDKs send it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct StandardTokenRequest {
    room_name: Option<String>,
    participant_name: Option<String>,
    participant_identity: Option<String>,
    participant_metadata: Option<String>,
    participant_attributes: Option<BTreeMap<String, String>>,
    /// Passed over: what a room may do is not the client's to say.
    #[schema(value_type = Option<Object>)]
    room_config: Option<Value>,
}

/// What a checked request wants.
#[derive(Debug)]
pub(super) struct WantedToken {
    pub(super) call_type: CallType,
    pub(super) name: Option<String>,
    pub(super) callee_id: Option<String>,
    pub(super) room_name: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) wishes: AgentWishes,
}

/// LiveKit's client SDKs send snake_case names; ours are camelCase.
pub(super) fn is_standard(body: &[u8]) -> bool {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return false;
    };
    !object.is_empty()
        && object.keys().all(|key| {
            key == "room_config" || key.starts_with("participant_") || key == "room_name"
        })
}

impl StandardTokenRequest {
    /// A conference room when one is named, a support call else. Identity, metadata and attributes
    /// are not taken from the client: who somebody is, their login says.
    pub(super) fn into_own(self) -> Result<WantedToken, Problem> {
        if let Some(name) = &self.participant_name {
            check_text("participant_name", name, MAX_NAME, false)?;
        }
        if let Some(room) = &self.room_name {
            check_conference_name("room_name", room)?;
        }
        Ok(WantedToken {
            call_type: if self.room_name.is_some() {
                CallType::Conference
            } else {
                CallType::Support
            },
            name: self.participant_name,
            callee_id: None,
            room_name: self.room_name,
            user_id: None,
            wishes: AgentWishes::default(),
        })
    }
}

impl TokenRequest {
    /// # Errors
    /// Names the field that is wrong.
    pub(super) fn check(
        self,
        state: &AppState,
        principal: &Principal,
    ) -> Result<WantedToken, Problem> {
        let call_type = match self.room_type.as_deref() {
            None => CallType::Support,
            Some(text) => text
                .parse()
                .map_err(|error| Problem::field("roomType", format!("roomType {error}")))?,
        };
        for (field, value) in [
            ("participantName", &self.participant_name),
            ("calleeId", &self.callee_id),
            ("userId", &self.user_id),
        ] {
            if let Some(text) = value {
                check_text(field, text, MAX_NAME, false)?;
            }
        }
        let misplaced = |field: &str, place: &str| {
            Problem::field(
                field,
                format!("{field} belongs to roomType {place} only; leave it out"),
            )
        };
        match call_type {
            CallType::Support if self.room_name.is_some() => {
                return Err(misplaced("roomName", "user-to-user or conference"));
            }
            CallType::UserToUser if self.room_name.is_none() && self.callee_id.is_none() => {
                return Err(Problem::field(
                    "calleeId",
                    "calleeId is missing: name who is called (or, as the callee, the roomName of \
                     the call)",
                ));
            }
            CallType::Conference => {
                if let Some(room) = &self.room_name {
                    check_conference_name("roomName", room)?;
                }
            }
            _ => {}
        }
        if self.callee_id.is_some() && call_type != CallType::UserToUser {
            return Err(misplaced("calleeId", "user-to-user"));
        }
        match (principal.user_id(), &self.user_id) {
            (None, None) => {
                return Err(Problem::field(
                    "userId",
                    "userId is missing: name the token's user",
                ));
            }
            (Some(me), Some(other)) if me != other => {
                return Err(Problem {
                    field: Some("userId".into()),
                    ..Problem::forbidden(
                        "A user gets tokens for themselves only; leave userId out.",
                    )
                });
            }
            _ => {}
        }
        let wishes = AgentWishes::check(state, self.voice, None, self.agent, self.variables)?
            .recorded(principal, self.recording.as_deref())?;
        Ok(WantedToken {
            call_type,
            name: self.participant_name,
            callee_id: self.callee_id,
            room_name: self.room_name,
            user_id: self.user_id,
            wishes,
        })
    }
}

/// Conference rooms have a name of their own, so that nobody walks into another's call.
fn check_conference_name(field: &str, room: &str) -> Result<(), Problem> {
    let rest = room.strip_prefix("conference-").unwrap_or_default();
    let plain = rest
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if rest.is_empty() || !plain || room.len() > MAX_ROOM {
        return Err(Problem::field(
            field,
            format!(
                "{field} must be conference- and then letters, digits, - or _ (at most {MAX_ROOM})"
            ),
        ));
    }
    Ok(())
}
