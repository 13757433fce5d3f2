//! What is asked for: our own request and that of LiveKit's clients, read as one and checked.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::AppState;
use crate::http::auth::Principal;
use crate::http::error::{Problem, check_name, check_text};
use crate::http::wishes::{AgentWishes, Asked, MAX_NAME, not_a_users};
use sidetone_config::choices;
use sidetone_store::CallType;

/// Longest room name LiveKit and the table take, with place for our prefixes.
const MAX_ROOM: usize = 200;
/// Longest metadata of a participant; LiveKit takes more.
const MAX_METADATA: usize = 16_000;
/// Longest metadata of a call, bytes of JSON: every line of the history shows it.
pub(super) const MAX_CALL_METADATA: usize = 8_192;

/// What a caller asks for: by our own names, or by those of LiveKit's client SDKs (`room_name`,
/// `participant_name`, …), of which each is taken in snake_case, too.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenRequest {
    /// support, user-to-user or conference. Default: conference when `roomName` begins so, else support.
    #[schema(example = "support")]
    #[serde(alias = "room_type")]
    room_type: Option<String>,
    /// The name shown to others.
    #[schema(example = "John Doe", max_length = 128)]
    #[serde(alias = "participant_name")]
    participant_name: Option<String>,
    /// user-to-user: who is called.
    #[serde(alias = "callee_id")]
    callee_id: Option<String>,
    /// conference: the room to join, `conference-…`. user-to-user: the callee names the call's room.
    /// support: backends and admins may name a room.
    #[serde(alias = "room_name")]
    room_name: Option<String>,
    /// With an API key: the user the token is for.
    #[serde(alias = "user_id")]
    user_id: Option<String>,
    /// One of OpenAI's (alloy, echo, fable, onyx, nova, shimmer, ash, ballad, coral, sage, verse,
    /// marin, cedar), or one that an agent file names. Default: the agent file's.
    voice: Option<String>,
    /// Agent file to use: users choose those whose files say `user_may_choose`.
    agent: Option<String>,
    /// off, process or egress, instead of what the agent's file says (backends and admins only).
    recording: Option<String>,
    /// What your product knows about the call, such as `{"order": 42}` (backends and admins only): at most 8 KiB
    /// of JSON. The history shows it and finds calls by it, and the webhook of the call's end has it. For a call
    /// that is already in progress, it is added to what the call has.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// Values for the prompt's `{{variables}}`: users set those that the agent's file lists.
    variables: Option<BTreeMap<String, String>>,
    /// LiveKit's name for `agent`.
    #[serde(alias = "agent_name")]
    agent_name: Option<String>,
    /// LiveKit's name for `variables`: an object of texts, in JSON.
    #[serde(alias = "agent_metadata")]
    agent_metadata: Option<String>,
    /// With an API key: LiveKit's name for `userId`. For users it is ignored, because their login says who they
    /// are.
    #[serde(alias = "participant_identity")]
    participant_identity: Option<String>,
    /// Shown to others in the room (backends and admins only).
    #[serde(alias = "participant_metadata")]
    participant_metadata: Option<String>,
    /// Shown to others in the room, and to the agent's templates: users set those that the agent's file
    /// lists in `user_variables`.
    #[serde(alias = "participant_attributes")]
    participant_attributes: Option<BTreeMap<String, String>>,
    /// LiveKit's configuration of the room: its one agent is accepted; clients cannot set anything else in it.
    #[serde(alias = "room_config")]
    room_config: Option<RoomConfig>,
}

/// Of LiveKit's RoomConfiguration.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct RoomConfig {
    /// The agent.
    agents: Option<Vec<RoomAgent>>,
    #[serde(flatten)]
    #[schema(ignore)]
    others: Map<String, Value>,
}

/// Of LiveKit's RoomAgentDispatch.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct RoomAgent {
    /// As `agent`.
    #[serde(alias = "agentName")]
    agent_name: Option<String>,
    /// As `agentMetadata`.
    metadata: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    others: Map<String, Value>,
}

/// What a checked request wants.
#[derive(Debug)]
pub(super) struct WantedToken {
    pub(super) call_type: CallType,
    pub(super) name: Option<String>,
    pub(super) callee_id: Option<String>,
    /// By its field's name.
    pub(super) room_name: Option<(&'static str, String)>,
    pub(super) user_id: String,
    /// Of the participant, shown to others.
    pub(super) metadata: Option<String>,
    /// Of the call, for the product itself.
    pub(super) call_metadata: Map<String, Value>,
}

/// The names that a request's author used, for answers in the same.
struct Spelling(BTreeSet<String>);

impl Spelling {
    fn of(body: &[u8]) -> Self {
        let object: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        Self(object.into_iter().map(|(name, _)| name).collect())
    }

    /// The second where it was used, else the first.
    fn one(&self, ours: &'static str, theirs: &'static str) -> &'static str {
        if self.0.contains(theirs) {
            theirs
        } else {
            ours
        }
    }
}

/// Whether a body is one of LiveKit's client SDKs, which send snake_case names and nothing else.
pub(super) fn is_standard(body: &[u8]) -> bool {
    let Spelling(names) = Spelling::of(body);
    let theirs = |name: &String| {
        matches!(name.as_str(), "room_config" | "room_name") || name.starts_with("participant_")
    };
    !names.is_empty() && names.iter().all(theirs)
}

impl TokenRequest {
    /// # Errors
    /// Names the field that is wrong, or that is not the principal's to say.
    pub(super) fn check(
        mut self,
        state: &AppState,
        principal: &Principal,
        body: &[u8],
    ) -> Result<(WantedToken, AgentWishes), Problem> {
        let spelling = Spelling::of(body);
        let named = spelling.one("participantName", "participant_name");
        if let Some(name) = &self.participant_name {
            check_name(named, name, MAX_NAME)?;
        }
        let room_field = spelling.one("roomName", "room_name");
        if let Some(room) = &self.room_name {
            check_name(room_field, room, MAX_ROOM)?;
        }
        let call_type = self.call_type()?;
        self.check_room(principal, call_type, room_field)?;
        if let Some(callee) = &self.callee_id {
            check_name("calleeId", callee, MAX_NAME)?;
            check_identity("calleeId", callee)?;
        }
        let user_id = self.user(principal, &spelling)?;
        let asked = self.asked(principal, &spelling)?;
        let wishes = AgentWishes::check(state, principal, asked)?;
        let metadata = self.metadata(principal, &spelling)?;
        let call_metadata = call_metadata(principal, self.metadata.take())?;
        let wanted = WantedToken {
            call_type,
            name: self.participant_name,
            callee_id: self.callee_id,
            room_name: self.room_name.map(|name| (room_field, name)),
            user_id,
            metadata,
            call_metadata,
        };
        Ok((wanted, wishes))
    }

    fn call_type(&self) -> Result<CallType, Problem> {
        let is_conference = (self.room_name.as_deref())
            .is_some_and(|room| room.starts_with(CallType::Conference.as_str()));
        match self.room_type.as_deref() {
            None if is_conference => Ok(CallType::Conference),
            None => Ok(CallType::Support),
            Some(text) => text
                .parse()
                .map_err(|error| Problem::field("roomType", format!("roomType {error}"))),
        }
    }

    fn check_room(
        &self,
        principal: &Principal,
        call_type: CallType,
        room_field: &'static str,
    ) -> Result<(), Problem> {
        match (call_type, &self.room_name) {
            (CallType::Support, Some(_)) if principal.is_end_user() => {
                return Err(not_a_users(
                    room_field,
                    format!(
                        "users do not name the rooms of their calls: leave {room_field} out, and the call \
                         gets a room of its own. A backend's key or an admin may name it"
                    ),
                ));
            }
            (CallType::Support, Some(room)) => check_room_name(room_field, room)?,
            (CallType::Conference, Some(room)) => check_conference_name(room_field, room)?,
            (CallType::UserToUser, None) if self.callee_id.is_none() => {
                return Err(Problem::field(
                    "calleeId",
                    "calleeId is missing: name who is called (or, as the callee, the roomName of \
                     the call)",
                ));
            }
            _ => {}
        }
        if self.callee_id.is_some() && call_type != CallType::UserToUser {
            return Err(Problem::field(
                "calleeId",
                "calleeId belongs to roomType user-to-user only; leave it out",
            ));
        }
        Ok(())
    }

    /// Whom the token is for.
    fn user(&self, principal: &Principal, spelling: &Spelling) -> Result<String, Problem> {
        let theirs = spelling.one("participantIdentity", "participant_identity");
        if let Some(id) = &self.participant_identity {
            check_name(theirs, id, MAX_NAME)?;
        }
        if let Some(id) = &self.user_id {
            check_name("userId", id, MAX_NAME)?;
        }
        let me = principal.user_id();
        let identity = self.participant_identity.as_ref().map(|id| (theirs, id));
        let named = self.user_id.as_ref().map(|id| ("userId", id));
        match (me, named.or(identity.filter(|_| me.is_none()))) {
            (None, None) => Err(Problem::field(
                "userId",
                "userId is missing: name the token's user",
            )),
            (Some(me), Some((field, other))) if me != other.as_str() => Err(not_a_users(
                field,
                "A user gets tokens for themselves only; leave userId out.",
            )),
            (Some(me), _) => check_identity("userId", me).map(|()| me.to_owned()),
            (None, Some((field, id))) => check_identity(field, id).map(|()| id.clone()),
        }
    }

    /// What is asked of the agent, by whichever names.
    fn asked(&mut self, principal: &Principal, spelling: &Spelling) -> Result<Asked, Problem> {
        let mut agents = Vec::new();
        let mut told = Vec::new();
        if let Some(name) = self.agent.take() {
            agents.push(("agent", name));
        }
        if let Some(name) = self.agent_name.take() {
            agents.push((spelling.one("agentName", "agent_name"), name));
        }
        if let Some(text) = self.agent_metadata.take() {
            told.push((spelling.one("agentMetadata", "agent_metadata"), text));
        }
        if let Some(config) = self.room_config.take() {
            let field = spelling.one("roomConfig", "room_config");
            let (name, metadata) = config.agent(principal, field)?;
            agents.extend(name.map(|name| (field, name)));
            told.extend(metadata.map(|text| (field, text)));
        }
        // LiveKit's clients send what was not set as "".
        agents.retain(|(_, name)| !name.is_empty());
        told.retain(|(_, text)| !text.trim().is_empty());
        let mut variables: Vec<_> = (self.variables.take().into_iter())
            .map(|variables| ("variables", variables))
            .collect();
        for (field, text) in told {
            let read = serde_json::from_str(&text).map_err(|_| {
                let fix = "sets the agent's variables: it must be an object of texts, in JSON, such as \
                           {\"company\": \"Acme\"}";
                Problem::field(field, format!("{field} {fix}"))
            })?;
            variables.push((field, read));
        }
        let attributes = self.participant_attributes.take();
        Ok(Asked {
            agent: at_most_one(agents)?,
            voice: self.voice.take(),
            system_prompt: None,
            recording: self.recording.take(),
            variables: at_most_one(variables)?,
            attributes: attributes.filter(|all| !all.is_empty()).map(|all| {
                let field = spelling.one("participantAttributes", "participant_attributes");
                (field, all)
            }),
        })
    }

    fn metadata(
        &mut self,
        principal: &Principal,
        spelling: &Spelling,
    ) -> Result<Option<String>, Problem> {
        let metadata = (self.participant_metadata.take()).filter(|text| !text.is_empty());
        if let Some(text) = &metadata {
            let field = spelling.one("participantMetadata", "participant_metadata");
            if principal.is_end_user() {
                let why = format!("{field} is for backends and admins; leave it out");
                return Err(not_a_users(field, why));
            }
            check_text(field, text, MAX_METADATA, true)?;
        }
        Ok(metadata)
    }
}

/// The metadata of a call in a request, checked.
///
/// # Errors
/// 400: they are no object, or too long. 403: a user's.
pub(in crate::http) fn call_metadata(
    principal: &Principal,
    metadata: Option<Value>,
) -> Result<Map<String, Value>, Problem> {
    const FIELD: &str = "metadata";
    let Some(value) = metadata else {
        return Ok(Map::new());
    };
    if principal.is_end_user() {
        let why = "metadata can be set by backends only; leave it out";
        return Err(not_a_users(FIELD, why));
    }
    let Value::Object(object) = value else {
        let why = "metadata must be an object, such as {\"order\": 42}";
        return Err(Problem::field(FIELD, why));
    };
    check_call_metadata(&object)?;
    if holds_zero(&Value::Object(object.clone())) {
        let why = "metadata holds a zero character (U+0000), which not every database keeps; leave it out";
        return Err(Problem::field(FIELD, why));
    }
    Ok(object)
}

/// 400 for metadata of a call that are longer than is kept.
pub(super) fn check_call_metadata(object: &Map<String, Value>) -> Result<(), Problem> {
    let bytes = serde_json::to_vec(object).map_or(usize::MAX, |json| json.len());
    if bytes <= MAX_CALL_METADATA {
        return Ok(());
    }
    let why = format!(
        "metadata has {bytes} bytes of JSON; at most {MAX_CALL_METADATA} are kept for a call: keep the rest in \
         your own database, by the call's id"
    );
    Err(Problem::field("metadata", why))
}

fn holds_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_zero),
        Value::Object(object) => {
            (object.iter()).any(|(key, value)| key.contains('\0') || holds_zero(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl RoomConfig {
    /// Name and metadata of its agent. Nothing else of it is taken, from nobody: recordings, limits and
    /// metadata of a room are not what a token is asked for.
    fn agent(
        self,
        principal: &Principal,
        field: &'static str,
    ) -> Result<(Option<String>, Option<String>), Problem> {
        let mut agents = self.agents.unwrap_or_default();
        let agent = agents.pop().unwrap_or_default();
        let others = self.others.into_iter().chain(
            (agent.others.into_iter()).map(|(name, value)| (format!("agents.{name}"), value)),
        );
        for (name, value) in others {
            if !is_nothing(&value) {
                let path = format!("{field}.{name}");
                let why = format!(
                    "{path} is not supported: only an agent's name and metadata are; leave it out"
                );
                return Err(match principal.is_end_user() {
                    true => not_a_users(&path, why),
                    false => Problem::field(path, why),
                });
            }
        }
        if !agents.is_empty() {
            let why = format!("{field}.agents names more than one agent; a call has one");
            return Err(Problem::field(format!("{field}.agents"), why));
        }
        Ok((agent.agent_name, agent.metadata))
    }
}

/// What a client sends for a field that was not set.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(true) => false,
    }
}

/// The same thing may be said by one name only.
fn at_most_one<T>(mut said: Vec<(&'static str, T)>) -> Result<Option<(&'static str, T)>, Problem> {
    if let [(first, _), (second, _), ..] = &said[..] {
        let why = format!("{first} and {second} mean the same; leave one of them out");
        return Err(Problem::field(*second, why));
    }
    Ok(said.pop())
}

/// 400 for an identity by which a person would take the place of an agent or a telephone.
fn check_identity(field: &str, identity: &str) -> Result<(), Problem> {
    choices::check_identity(identity)
        .map_err(|why| Problem::field(field, format!("{field} {identity:?} {why}")))
}

/// A name for a support call's room that none of our own could have.
fn check_room_name(field: &str, room: &str) -> Result<(), Problem> {
    let mut ours = CallType::ALL.iter().map(|kind| kind.as_str());
    let is_ours = ours.any(|kind| {
        let begin = room.get(..kind.len() + 1);
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(&format!("{kind}-")))
    });
    if is_ours || choices::is_reserved(room) {
        let why = format!(
            "{field} {room:?} begins like the names that Sidetone makes itself; use another"
        );
        return Err(Problem::field(field, why));
    }
    if !is_plain(room) {
        let why =
            format!("{field} must consist of letters, digits, -, _ or . (at most {MAX_ROOM})");
        return Err(Problem::field(field, why));
    }
    Ok(())
}

/// Conference rooms have a name of their own, so that nobody walks into another's call.
fn check_conference_name(field: &str, room: &str) -> Result<(), Problem> {
    let rest = room.strip_prefix("conference-").unwrap_or_default();
    if rest.is_empty() || !is_plain(rest) || room.len() > MAX_ROOM {
        return Err(Problem::field(
            field,
            format!(
                "{field} must be conference- followed by letters, digits, -, _ or . (at most {MAX_ROOM})"
            ),
        ));
    }
    Ok(())
}

fn is_plain(name: &str) -> bool {
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
