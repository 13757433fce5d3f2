//! One round of tools, side by side: arguments made sure of, requests within their time.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use serde_json::Value;
use tokio::time::timeout;

use super::{Persona, Round, Starts, ToolRun, ToolStart};
use crate::providers::{Message, ToolCall};
use sidetone_base::clock;
use sidetone_config::json_schema;
use sidetone_config::tools::{Action, MAX_NAME, Tool};

/// A request keeps its own time; this is for one that does not.
const GRACE: Duration = Duration::from_secs(1);
/// The result, for the model, of a tool that ends its part in the call when another one failed.
const NOT_NOW: &str = "not done, for another tool that you called with it has failed: see to that \
                       first, and tell the caller";

/// A call as the model wrote it, and what is made of its arguments.
pub(super) struct WrittenCall {
    written: String,
    arguments: Result<Value, String>,
}

/// Makes the calls of a round acceptable to every provider, for they stand in the history from now
/// on: ids that no call before has, names of legal letters, arguments that are a JSON object.
/// Answers what the model wrote, call by call.
pub(super) fn settle(round: &mut Round, before: &[Message], name: &str) -> Vec<WrittenCall> {
    round.text = round.text.trim().to_owned();
    let known = before.iter().flat_map(|message| &message.calls);
    let mut ids: HashSet<String> = known.map(|call| call.id.clone()).collect();
    let calls = round.calls.iter_mut().enumerate();
    calls
        .map(|(number, call)| {
            if call.id.is_empty() || ids.contains(&call.id) {
                call.id = format!("{name}_{number}");
            }
            ids.insert(call.id.clone());
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let name = call.name.chars().take(MAX_NAME);
            let name: String = name.map(|c| if legal(c) { c } else { '_' }).collect();
            call.name = name;
            if call.name.is_empty() {
                call.name = "nothing".into();
            }
            let arguments = arguments(&call.arguments);
            let whole = match &arguments {
                Ok(_) if is_object(&call.arguments) => call.arguments.clone(),
                Ok(value) => value.to_string(),
                Err(_) => "{}".into(),
            };
            WrittenCall {
                written: std::mem::replace(&mut call.arguments, whole),
                arguments,
            }
        })
        .collect()
}

fn is_object(text: &str) -> bool {
    serde_json::from_str(text).is_ok_and(|value: Value| value.is_object())
}

/// The object that the model meant: nothing is none, and some write it as a text of JSON.
fn arguments(written: &str) -> Result<Value, String> {
    let read = |text: &str| -> Result<Value, String> {
        if text.trim().is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_str(text).map_err(|error| {
            format!("the arguments are not JSON ({error}); nothing was done: call it again")
        })
    };
    let value = match read(written)? {
        Value::String(text) => read(&text)?,
        Value::Null => read("")?,
        value => value,
    };
    if !value.is_object() {
        return Err("the arguments must be a JSON object; nothing was done".into());
    }
    Ok(value)
}

/// Runs a round to its end.
pub(super) async fn run(
    calls: Vec<(ToolCall, WrittenCall, Option<Tool>)>,
    persona: &Persona,
    team: &[Persona],
    starts: &Starts<'_>,
) -> Vec<ToolRun> {
    let ends: Vec<bool> = calls
        .iter()
        .map(|(_, _, tool)| tool.as_ref().is_some_and(ends_part))
        .collect();
    let runs = calls.into_iter().map(async |(call, given, tool)| {
        let started_at = clock::now();
        let ready = match tool {
            None => Err(format!("there is no tool {}", call.name)),
            Some(tool) => {
                let arguments = given.arguments.and_then(|given| accepted(given, &tool));
                arguments.map(|arguments| (arguments, tool))
            }
        };
        let (arguments, result) = match ready {
            Ok((arguments, tool)) => {
                if asks_a_server(&tool) {
                    let start = ToolStart {
                        call: call.clone(),
                        written: given.written.clone(),
                        agent: persona.agent.name.clone(),
                        started_at,
                    };
                    starts.of(start).await;
                }
                let result = result_of(arguments.clone(), &tool, persona, team).await;
                (arguments, result)
            }
            Err(problem) => (Value::Null, Err(problem)),
        };
        ToolRun {
            call,
            written: given.written,
            arguments,
            agent: persona.agent.name.clone(),
            result,
            started_at,
            took: clock::now().saturating_duration_since(started_at),
        }
    });
    let mut runs = join_all(runs).await;
    if runs.iter().any(|run| run.result.is_err()) {
        let ending = runs.iter_mut().zip(ends).filter(|(_, ends)| *ends);
        for (run, _) in ending.filter(|(run, _)| run.result.is_ok()) {
            run.result = Err(NOT_NOW.into());
        }
    }
    runs
}

/// What it does outlives the process.
pub(super) fn asks_a_server(tool: &Tool) -> bool {
    match tool.action {
        Action::Http(_) | Action::Mcp(_) => true,
        // A transfer is begun later, by the call's loop.
        Action::EndCall
        | Action::Transfer(_)
        | Action::Handoff(_)
        | Action::Remember
        | Action::SendDtmf => false,
    }
}

/// After it the agent says no more, or not for long.
fn ends_part(tool: &Tool) -> bool {
    match tool.action {
        Action::EndCall | Action::Transfer(_) | Action::Handoff(_) => true,
        Action::Http(_) | Action::Mcp(_) | Action::Remember | Action::SendDtmf => false,
    }
}

/// Arguments as the tool takes them. An MCP server has a schema of its own making, and checks it.
fn accepted(arguments: Value, tool: &Tool) -> Result<Value, String> {
    match &tool.action {
        Action::Mcp(_) => Ok(json_schema::mended(&tool.parameters, arguments)),
        _ => json_schema::accept(&tool.parameters, arguments),
    }
}

async fn result_of(
    arguments: Value,
    tool: &Tool,
    persona: &Persona,
    team: &[Persona],
) -> Result<String, String> {
    let agent = &persona.agent;
    let tools = &persona.providers.tools;
    let in_time = async |answer: BoxFuture<'static, Result<String, String>>| {
        let limit = tool.timeout() + GRACE;
        timeout(limit, answer)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
    };
    match &tool.action {
        Action::Mcp(served) => in_time(tools.call_served(served.clone(), arguments)).await,
        Action::Http(request) => {
            in_time(tools.call_tool(request.clone(), agent.values.clone(), arguments)).await
        }
        Action::Transfer(_) => {
            Ok("the person is called as soon as your sentence was heard to its end".into())
        }
        Action::EndCall => Ok("the call ends when the goodbye was heard".into()),
        Action::Remember => Ok("noted".into()),
        Action::SendDtmf => {
            let digits = arguments["digits"].as_str().unwrap_or_default();
            let good = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'w' | 'A'..='D');
            if digits.is_empty() || !digits.chars().all(good) {
                return Err("digits are 0 to 9, *, #, A to D, and w to wait".into());
            }
            Ok("sent".into())
        }
        Action::Handoff(_) => {
            let name = arguments["agent"].as_str().unwrap_or_default();
            let known = team.iter().any(|persona| persona.agent.name == name);
            known
                .then(|| format!("{name} goes on with the caller"))
                .ok_or_else(|| format!("{name} cannot take over now"))
        }
    }
}

#[cfg(test)]
mod tests;
