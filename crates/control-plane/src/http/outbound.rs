//! Calls that agents make: a backend names a number, and an agent calls it.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, check_name, parse_json};
use super::repeat::Repeatable;
use super::token::{call_metadata, new_room_name};
use super::wishes::{AgentWishes, Asked};
use super::{AppState, WholeBody};
use crate::control::Control;
use crate::control::guard::Wanted;
use crate::control::outbound::{LONGEST_RING, Telephone};
use crate::server_api::NotReached;
use sidetone_store::{Call, CallType, DispatchMetadata, NewCall, Outbound, Outcome, StoreError};

/// How long a telephone rings, unless the request says so.
const RING: Duration = Duration::from_secs(30);
const SHORTEST_RING: Duration = Duration::from_secs(5);

/// Whom an agent is to call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CallRequest {
    /// The number to dial, or another SIP user of the trunk's.
    #[schema(example = "+4930123456")]
    number: String,
    /// LiveKit's id of an outbound SIP trunk.
    #[schema(example = "ST_Kx2mEv8Vd3Qa")]
    trunk: String,
    /// Agent file to use. Default: `default`.
    agent: Option<String>,
    /// The agent's voice, instead of its file's.
    voice: Option<String>,
    /// Instead of the agent file's prompt.
    #[schema(max_length = 16000)]
    system_prompt: Option<String>,
    /// off, process or egress, instead of what the agent's file says.
    recording: Option<String>,
    /// Values for the prompt's `{{variables}}`.
    variables: Option<BTreeMap<String, String>>,
    /// Stored with the call: an object of at most 8 KiB of JSON.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// How long it rings at most, 5 to 80. Default: 30.
    ring_seconds: Option<u64>,
}

/// A call that was begun.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallResponse {
    /// The call's id: its history tells what came of it.
    call_id: Uuid,
    /// Its room.
    room_name: String,
    /// dialling; when the request is repeated, what came of it.
    outcome: String,
}

/// Calls a telephone, and brings an agent. Answered at once, while it rings: what came of it, answered, voicemail,
/// busy, no-answer, declined or failed, is in the call's history and in its webhook. With the `Idempotency-Key` of an
/// earlier request, within a day, nobody is called a second time.
#[utoipa::path(post, path = "/api/voice/call", tag = "voice", request_body = CallRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters, new for each call.")),
    responses((status = 202, body = CallResponse), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn call(
    State(state): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<(StatusCode, Json<CallResponse>), Problem> {
    principal.need(Right::ManageAgents)?;
    let request: CallRequest = parse_json(&body)?;
    let telephone = request.telephone()?;
    let metadata = call_metadata(&principal, request.metadata)?;
    let asked = Asked {
        agent: request.agent.map(|name| ("agent", name)),
        voice: request.voice,
        system_prompt: request.system_prompt,
        recording: request.recording,
        variables: request.variables.map(|variables| ("variables", variables)),
        attributes: None,
    };
    let wishes = AgentWishes::check(&state, &principal, asked)?;
    let voice = state.voice()?;
    let route = "POST /api/voice/call";
    let first = state.repeatable(&headers, &principal, route, &body, Uuid::new_v4());
    let id = (first.await?.as_ref()).map_or_else(Uuid::new_v4, |first| Repeatable::call(first).0);
    let store = state.store();
    if let Some(call) = store.call(id).await? {
        let is_over = call.ended_at.is_some();
        let outcome = call
            .outbound
            .map_or(Outcome::Failed, |call| call.shown(is_over).outcome);
        return Ok(begun(id, call.room_name, outcome));
    }
    state.need_worker(voice).await?;
    let new = NewCall {
        id,
        room_name: new_room_name(CallType::Support, id, voice),
        caller_id: telephone.number.clone(),
        callee_id: None,
        call_type: CallType::Support,
        metadata: metadata.into(),
        created_at: sidetone_store::now(),
    };
    let (told, _) = wishes.settle(&state, &principal, Some(id), None)?;
    let told = DispatchMetadata {
        rings: Some(u32::try_from(telephone.ring.as_secs()).unwrap_or(u32::MAX)),
        ..told
    };
    // Whoever asks may be gone before LiveKit has answered: the telephone rings all the same, or the call is over.
    let making = tokio::spawn(async move { make(&state, &new, telephone, &told).await });
    let made = making.await.map_err(|error| {
        tracing::error!(call_id = %id, %error, "a call could not be made");
        let (title, told) = ("The call was not made", "The server's log says why.");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title, told)
    })?;
    Ok(begun(id, made?, Outcome::Dialling))
}

/// Writes the call and has its telephone ring; gives its room. One that cannot be made is over.
async fn make(
    state: &AppState,
    new: &NewCall,
    telephone: Telephone,
    told: &DispatchMetadata,
) -> Result<String, Problem> {
    let control = &state.voice()?.control;
    let call = state.store().create_call(new).await?;
    let (reason, problem) = match begin(state, control, &call, telephone, told).await {
        Ok(()) => return Ok(call.room_name),
        Err(why) => why,
    };
    let outcome = Outcome::Failed;
    if let Err(error) = control
        .not_reached(&call, NotReached { outcome, reason })
        .await
    {
        tracing::error!(call_id = %call.id, %error, "that a call was not made could not be stored");
    }
    Err(problem)
}

/// Asks for the agent, and dials.
///
/// # Errors
/// What the history says, and what is answered.
async fn begin(
    state: &AppState,
    control: &Control,
    call: &Call,
    telephone: Telephone,
    told: &DispatchMetadata,
) -> Result<(), (String, Problem)> {
    let failed = |error: StoreError| (error.to_string(), Problem::from(error));
    let outbound = Outbound::to(&telephone.number, &telephone.trunk);
    let dials = state.store().dials(call.id, &outbound).await;
    dials.map_err(failed)?;
    let wanted = control.guard.want(&call.room_name, told).await;
    if let Wanted::Full(full) = wanted.map_err(failed)? {
        let problem = state.nobody_free(full, sidetone_store::now()).await;
        return Err(("no agent was free".into(), problem));
    }
    control.dial(call, telephone).map_err(|full| {
        let problem = Problem {
            retry_after: Some(10),
            ..Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many telephones are ringing",
                "This process is already dialling as many numbers as it may; try again in 10 s.",
            )
        };
        (format!("too many telephones are ringing: {full}"), problem)
    })
}

fn begun(call_id: Uuid, room_name: String, outcome: Outcome) -> (StatusCode, Json<CallResponse>) {
    let begun = CallResponse {
        call_id,
        room_name,
        outcome: outcome.as_str().to_owned(),
    };
    (StatusCode::ACCEPTED, Json(begun))
}

impl CallRequest {
    fn telephone(&self) -> Result<Telephone, Problem> {
        check_name("number", &self.number, 64)?;
        check_name("trunk", &self.trunk, 128)?;
        let is_sign = |sign: char| sign.is_ascii_alphanumeric() || "+-._*#".contains(sign);
        if !self.number.chars().all(is_sign) {
            let fix = "number must be dialled as it stands, such as \"+4930123456\": write it without spaces and \
                       brackets, and without sip: or tel:";
            return Err(Problem::field("number", fix));
        }
        let ring = self.ring_seconds.map_or(RING, Duration::from_secs);
        if !(SHORTEST_RING..=LONGEST_RING).contains(&ring) {
            let fix = format!(
                "ringSeconds must be from {} to {}",
                SHORTEST_RING.as_secs(),
                LONGEST_RING.as_secs()
            );
            return Err(Problem::field("ringSeconds", fix));
        }
        Ok(Telephone {
            number: self.number.clone(),
            trunk: self.trunk.clone(),
            ring,
        })
    }
}
