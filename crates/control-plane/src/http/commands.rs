//! The backend's hand on a live call: an order for its agent, answered when the agent has confirmed it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, check_name, check_text, parse_json, path_id};
use super::repeat::Repeatable;
use super::{AppState, WholeBody};
use crate::control::orders::Ordered;
use sidetone_base::hand::{Command, Done, LONGEST_TEXT, Order, Outcome, Refused};

/// What the agent is to do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CommandRequest {
    /// What to do.
    #[serde(rename = "type")]
    kind: Kind,
    /// say: the agent's words. instruct: a note to the model. handover, end: what is said first.
    #[schema(max_length = 2000, example = "A colleague joins us in a minute.")]
    text: Option<String>,
    /// say: whether the caller can interrupt it. Default: true.
    interruptible: Option<bool>,
    /// instruct: whether the agent speaks about it by itself as soon as nobody speaks. Default: false.
    answer: Option<bool>,
    /// handover: the agent that goes on, one that the speaking agent's file names for its tool handoff.
    agent: Option<String>,
    /// handover: the person who takes the call, a target of the tool transfer in the agent's file.
    person: Option<String>,
}

/// The commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Say a sentence as the agent's own, as soon as nobody speaks.
    Say,
    /// Give the model a note that it follows from its next answer on.
    Instruct,
    /// Neither listen nor speak from now on.
    Mute,
    /// Listen and speak again.
    Unmute,
    /// Let another agent or a person go on.
    Handover,
    /// End the call.
    End,
}

/// What the agent confirmed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandDone {
    /// The command's id: the same for each repetition.
    id: Uuid,
    /// The command.
    #[serde(rename = "type")]
    kind: Kind,
    /// speaking: it is said now. waiting: it is said as soon as nobody speaks. noted: it counts from the next
    /// answer on. muted, unmuted. handedOver: the other agent has the call. calling: the person is called.
    /// ending: the call ends, after the sentence, if there is one.
    #[schema(example = "speaking")]
    done: String,
}

/// Has the agent of a live call say something, follow a note, be silent, hand over, or end the call. Answered
/// when the agent has confirmed it. With the `Idempotency-Key` of an earlier request, within a day, it is done
/// no second time, and answered the same.
#[utoipa::path(post, path = "/api/voice/calls/{callId}/commands", tag = "voice", request_body = CommandRequest,
    params(("callId" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters, new for each command.")),
    responses((status = 200, body = CommandDone), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 502, body = ProblemDocument),
        (status = 503, body = ProblemDocument), (status = 504, body = ProblemDocument)))]
pub async fn command(
    State(state): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
    Path(id): Path<String>,
    WholeBody(body): WholeBody,
) -> Result<Json<CommandDone>, Problem> {
    principal.need(Right::ManageAgents)?;
    let call_id = path_id("callId", &id, "history")?;
    let request: CommandRequest = parse_json(&body)?;
    let (kind, command) = (request.kind, request.command()?);
    let control = &state.voice()?.control;
    let call = state.store().call(call_id).await?;
    let call = call.filter(|call| call.deleted_at.is_none());
    let call = call.ok_or_else(|| Problem::not_found("callId", "There is no such call."))?;
    let route = format!("POST /api/voice/calls/{call_id}/commands");
    let first = state.repeatable(&headers, &principal, &route, &body, Uuid::new_v4());
    let first = first.await?;
    if let Some(answer) = first.as_ref().and_then(Repeatable::answer)
        && let Ok(answer) = serde_json::from_value(answer.clone())
    {
        return Ok(Json(answer));
    }
    if call.ended_at.is_some() {
        return Err(over());
    }
    let id = first
        .as_ref()
        .map_or_else(Uuid::new_v4, |first| first.call().0);
    let order = Order {
        id: id.to_string(),
        command,
    };
    let ordered = control.order(&call, &order).await;
    let done = match ordered.map_err(|error| Problem::livekit(&error))? {
        Ordered::Answered(Outcome::Done(done)) => done,
        Ordered::Answered(Outcome::Refused(why)) => return Err(refused(why)),
        Ordered::NoAgent => return Err(no_agent()),
        Ordered::NotKnown => return Err(not_known()),
        Ordered::Silence => return Err(silence()),
    };
    let answer = CommandDone {
        id,
        kind,
        done: name(done).to_owned(),
    };
    if let Some(first) = &first {
        let kept = state.answered(first, json!(answer)).await?;
        return Ok(Json(serde_json::from_value(kept).unwrap_or(answer)));
    }
    Ok(Json(answer))
}

impl CommandRequest {
    /// The command, where each field is one of it, and none is missing.
    fn command(self) -> Result<Command, Problem> {
        let kind = self.kind;
        let takes: &[&str] = match kind {
            Kind::Say => &["text", "interruptible"],
            Kind::Instruct => &["text", "answer"],
            Kind::Mute | Kind::Unmute => &[],
            Kind::Handover => &["text", "agent", "person"],
            Kind::End => &["text"],
        };
        let given = [
            ("text", self.text.is_some()),
            ("interruptible", self.interruptible.is_some()),
            ("answer", self.answer.is_some()),
            ("agent", self.agent.is_some()),
            ("person", self.person.is_some()),
        ];
        let foreign = given
            .iter()
            .find(|(field, is_given)| *is_given && !takes.contains(field));
        if let Some((field, _)) = foreign {
            let fix = match takes {
                [] => {
                    format!(
                        "{field} does not belong to this type, which takes no field; leave it out"
                    )
                }
                _ => format!(
                    "{field} does not belong to this type, which takes {}; leave it out",
                    takes.join(", ")
                ),
            };
            return Err(Problem::field(*field, fix));
        }
        let newlines = kind == Kind::Instruct;
        if let Some(text) = &self.text {
            check_text("text", text, LONGEST_TEXT, newlines)?;
        }
        for (field, name) in [("agent", &self.agent), ("person", &self.person)] {
            if let Some(name) = name {
                check_name(field, name, 128)?;
            }
        }
        let needed = |text: Option<String>| {
            text.ok_or_else(|| {
                let fix = "text is missing; write what to say, or what to tell the model";
                Problem::field("text", fix)
            })
        };
        Ok(match kind {
            Kind::Say => Command::Say {
                text: needed(self.text)?,
                interruptible: self.interruptible.unwrap_or(true),
            },
            Kind::Instruct => Command::Instruct {
                text: needed(self.text)?,
                answer: self.answer.unwrap_or(false),
            },
            Kind::Mute => Command::Mute {},
            Kind::Unmute => Command::Unmute {},
            Kind::Handover => match (self.agent, self.person) {
                (Some(agent), None) => Command::HandOver {
                    agent,
                    text: self.text,
                },
                (None, Some(person)) => Command::PutThrough {
                    person,
                    text: self.text,
                },
                _ => {
                    return Err(Problem::field(
                        "agent",
                        "a handover goes to one: name either an agent or a person",
                    ));
                }
            },
            Kind::End => Command::End { text: self.text },
        })
    }
}

const fn name(done: Done) -> &'static str {
    match done {
        Done::Speaking => "speaking",
        Done::Waiting => "waiting",
        Done::Noted => "noted",
        Done::Muted => "muted",
        Done::Unmuted => "unmuted",
        Done::HandedOver => "handedOver",
        Done::Calling => "calling",
        Done::Ending => "ending",
    }
}

fn conflict(title: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::CONFLICT, title, detail)
}

fn over() -> Problem {
    conflict(
        "Call is over",
        "The call is over: nothing can be done in it any more.",
    )
}

fn no_agent() -> Problem {
    conflict(
        "No agent there",
        "No agent is in this call now. If one is on its way, send the command again when it has \
         joined; POST /api/voice/agent asks for one.",
    )
}

fn not_known() -> Problem {
    conflict(
        "Agent takes no commands",
        "The call's agent is of a version that takes no commands; update its worker.",
    )
}

/// Not 502: LiveKit did its part.
fn silence() -> Problem {
    Problem {
        retry_after: Some(2),
        ..Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Not confirmed",
            "The agent did not confirm the command in time; it may have done it. Send it again with the same \
             Idempotency-Key: it is done once.",
        )
    }
}

fn refused(why: Refused) -> Problem {
    match why {
        Refused::NobodyThere => conflict(
            "Nobody there",
            "No caller is in the call now, so nobody would hear it; try again when somebody is.",
        ),
        Refused::Muted => conflict("Agent is muted", "The agent is muted; send unmute first."),
        Refused::Ending => conflict(
            "Call is ending",
            "The agent is saying goodbye, or has left.",
        ),
        Refused::Full => conflict(
            "Too much at once",
            "Too much is waiting to be said or noted in this call; wait until some of it has been said, or use fewer words.",
        ),
        Refused::TooMany => Problem {
            retry_after: Some(30),
            ..Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many commands",
                "This call's agent was told too much in the last two minutes; try again in 30 s.",
            )
        },
        Refused::Encrypted => conflict(
            "Call is encrypted",
            "The caller encrypts, and the agent has no key: it can neither hear nor be heard.",
        ),
        Refused::PersonCalled => conflict(
            "Person is already being called",
            "A person is already being called for this caller; wait until they have answered or the attempt has ended.",
        ),
        Refused::Unknown(names) => {
            let known = match names.is_empty() {
                true => "nobody: its file names none".to_owned(),
                false => names.join(", "),
            };
            let detail = format!("The speaking agent can hand over to {known}.");
            conflict("Not known to the agent", detail)
        }
    }
}

#[cfg(test)]
mod tests;
