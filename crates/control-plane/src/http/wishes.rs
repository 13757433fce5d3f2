//! What a request may choose about an agent, and who may choose it.
//! Backends and admins choose agent, voice, prompt, recording and variables. An end user chooses the voice, and
//! otherwise only what the agent's file lists (`user_may_choose`, `user_variables`), because variables go into the
//! URLs and headers that the agent's tools send with the operator's secrets.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::AppState;
use super::auth::{Principal, Right};
use super::error::{Problem, check_name, check_text};
use sidetone_config::agent::DEFAULT_AGENT;
use sidetone_config::choices::{self, UserChoices};
use sidetone_config::recording::RecordingMode;
use sidetone_store::DispatchMetadata;

/// Longest name of a person, or of anything else that a request names, in characters.
pub(super) const MAX_NAME: usize = 128;
/// Longest system prompt, characters.
const MAX_PROMPT: usize = 16_000;
const MAX_VARIABLES: usize = 64;
const MAX_VARIABLE: usize = 2_000;

/// The choices in a request, under the field names that its author used.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The agent's file, and the field that names it.
    pub(super) agent: Option<(&'static str, String)>,
    /// The voice of the agent.
    pub(super) voice: Option<String>,
    /// Replaces the prompt of the agent's file.
    pub(super) system_prompt: Option<String>,
    /// How the call is recorded.
    pub(super) recording: Option<String>,
    /// Values of variables, and the field that holds them.
    pub(super) variables: Option<(&'static str, BTreeMap<String, String>)>,
    /// Attributes of the participant, and the field that holds them.
    pub(super) attributes: Option<(&'static str, BTreeMap<String, String>)>,
}

/// Choices for an agent, checked except for what its file leaves to users.
#[derive(Debug)]
pub(super) struct AgentWishes {
    asked: Asked,
    recording: Option<RecordingMode>,
}

impl AgentWishes {
    /// Checks everything that does not depend on the call.
    /// # Errors
    /// 400: an invalid value. 403: a choice that the principal may not make.
    pub(super) fn check(
        state: &AppState,
        principal: &Principal,
        asked: Asked,
    ) -> Result<Self, Problem> {
        if let Some(name) = &asked.voice
            && let all = state.config().agents.voices()
            && !all.contains(name)
        {
            let detail = format!("voice \"{name}\" is not one of {}", all.join(", "));
            return Err(Problem::field("voice", detail));
        }
        if let Some(prompt) = &asked.system_prompt {
            if principal.is_end_user() {
                let why =
                    "systemPrompt is for backends and admins: what the agent says is in its file";
                return Err(not_a_users("systemPrompt", why));
            }
            check_text("systemPrompt", prompt, MAX_PROMPT, true)?;
        }
        if let Some((field, name)) = &asked.agent {
            check_agent(state, principal, field, name)?;
        }
        if let Some((field, variables)) = &asked.variables {
            check_values(field, variables, choices::check_variable)?;
        }
        if let Some((field, attributes)) = &asked.attributes {
            check_values(field, attributes, |name| match choices::is_reserved(name) {
                true => Err("LiveKit and Sidetone give this name a meaning; use another".into()),
                false => Ok(()),
            })?;
        }
        let recording = recording(principal, asked.recording.as_deref())?;
        Ok(Self { asked, recording })
    }

    /// What the agent of a call is told, and the attributes that the participant gets. Of a user's wishes, only what the file of its agent lists; what
    /// was asked for in this call `before`, by a backend perhaps, stays.
    ///
    /// # Errors
    /// 403, naming the variable or attribute that is not the user's to set.
    pub(super) fn settle(
        self,
        state: &AppState,
        principal: &Principal,
        call_id: Option<Uuid>,
        before: Option<DispatchMetadata>,
    ) -> Result<(DispatchMetadata, BTreeMap<String, String>), Problem> {
        let Asked {
            agent,
            voice,
            system_prompt,
            variables,
            attributes,
            ..
        } = self.asked;
        let (field, mut variables) = variables.unwrap_or(("variables", BTreeMap::new()));
        let (attributes_field, attributes) = attributes.unwrap_or(("attributes", BTreeMap::new()));
        if !principal.is_end_user() {
            let told = DispatchMetadata {
                call_id,
                agent: agent.map(|(_, name)| name),
                recording: self.recording,
                voice,
                system_prompt,
                variables,
                ..DispatchMetadata::default()
            };
            return Ok((told, attributes));
        }
        let mut told = before.unwrap_or_default();
        if let (Some((field, name)), Some(chosen)) = (&agent, &told.agent)
            && name != chosen
        {
            let why = "this call already has another agent; request a new call for this one";
            return Err(not_a_users(field, why));
        }
        told.call_id = call_id;
        told.agent = told.agent.or(agent.map(|(_, name)| name));
        told.voice = voice.or(told.voice);
        let agent = told.agent.as_deref().unwrap_or(DEFAULT_AGENT);
        let choices = state.config().agents.choices(agent).unwrap_or_default();
        need_listed(&choices, agent, field, &variables)?;
        need_listed(&choices, agent, attributes_field, &attributes)?;
        need_unset(&told, field, &variables)?;
        variables.retain(|name, _| backends(&told, name).is_none());
        told.set_by_user.extend(variables.keys().cloned());
        told.variables.extend(variables);
        Ok((told, attributes))
    }
}

fn check_agent(
    state: &AppState,
    principal: &Principal,
    field: &'static str,
    name: &str,
) -> Result<(), Problem> {
    let agents = &state.config().agents;
    if principal.is_end_user() {
        // The names of the others are not revealed.
        let open = agents.open_to_users();
        if open.contains(name) {
            return Ok(());
        }
        let open: Vec<String> = open.into_iter().collect();
        let why = format!(
            "{field} {name:?} is not an agent that users may choose; they may choose {}. An \
             agent's file allows it with user_may_choose = true",
            open.join(", ")
        );
        return Err(not_a_users(field, why));
    }
    let all = agents.now();
    if all.contains(name) {
        return Ok(());
    }
    let all: Vec<String> = all.into_iter().collect();
    let detail = format!("{field} \"{name}\" is not one of {}", all.join(", "));
    Err(Problem::field(field, detail))
}

/// The names and values of a map, if there are not too many.
fn check_values(
    field: &str,
    values: &BTreeMap<String, String>,
    name_is_free: impl Fn(&str) -> Result<(), String>,
) -> Result<(), Problem> {
    if values.len() > MAX_VARIABLES {
        let detail = format!("{field} has more than {MAX_VARIABLES} entries");
        return Err(Problem::field(field, detail));
    }
    for (name, value) in values {
        check_name(field, name, MAX_NAME)?;
        let one = format!("{field}.{name}");
        name_is_free(name).map_err(|why| Problem::field(&one, format!("{one}: {why}")))?;
        if !value.is_empty() {
            // A value may be white space, a name may not.
            check_text(&one, &format!("x{value}"), MAX_VARIABLE + 1, true)?;
        }
    }
    Ok(())
}

/// Callers may not choose whether their calls are recorded.
fn recording(principal: &Principal, asked: Option<&str>) -> Result<Option<RecordingMode>, Problem> {
    let Some(text) = asked else { return Ok(None) };
    if principal.user_id().is_some() {
        let need = principal.need(Right::ManageAgents);
        need.map_err(|problem| Problem {
            field: Some("recording".into()),
            ..problem
        })?;
    }
    let mode = text.parse();
    let mode = mode.map_err(|error| Problem::field("recording", format!("recording {error}")))?;
    Ok(Some(mode))
}

fn need_listed(
    choices: &UserChoices,
    agent: &str,
    field: &str,
    values: &BTreeMap<String, String>,
) -> Result<(), Problem> {
    let unlisted = (values.keys()).find(|name| !choices.variables.contains(*name));
    match unlisted {
        None => Ok(()),
        Some(name) => Err(not_a_users(
            &format!("{field}.{name}"),
            format!(
                "{field}.{name} cannot be set by users for the agent {agent:?}: only those that \
                 its file lists in user_variables can. A backend's key may set it"
            ),
        )),
    }
}

/// The value of a variable that a backend has set for this call.
fn backends<'a>(told: &'a DispatchMetadata, name: &str) -> Option<&'a String> {
    let value = told.variables.get(name);
    value.filter(|_| !told.set_by_user.contains(name))
}

/// A user may repeat what a backend has set, and changes none of it.
fn need_unset(
    told: &DispatchMetadata,
    field: &str,
    values: &BTreeMap<String, String>,
) -> Result<(), Problem> {
    let changed =
        (values.iter()).find(|(name, value)| backends(told, name).is_some_and(|set| set != *value));
    match changed {
        None => Ok(()),
        Some((name, _)) => Err(not_a_users(
            &format!("{field}.{name}"),
            format!("{field}.{name}: a backend has set it for this call; leave it out"),
        )),
    }
}

/// 403: a user is signed in, and may not choose this.
pub(super) fn not_a_users(field: &str, why: impl Into<String>) -> Problem {
    Problem {
        field: Some(field.to_owned()),
        ..Problem::forbidden(why)
    }
}
