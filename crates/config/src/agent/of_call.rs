//! An agent in one call: overrides applied, templates filled in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::built_in;
use super::super::problem::{ConfigError, Problems};
use super::super::recording::RecordingMode;
use super::super::request::root;
use super::super::{template, variants};
use super::prompt::{check_prompt, hash};
use super::templates::Templates;
use super::{AgentConfig, Variant, Voice};
use crate::choices::{Caller, RESERVED_VARIABLES};

/// What one call changes about its agent, from the dispatch's metadata.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    /// Overrides the voice.
    pub voice: Option<Voice>,
    /// Overrides the system prompt; its `{{variables}}` are filled in as well.
    pub system_prompt: Option<String>,
    /// Values for `{{variables}}`.
    pub variables: BTreeMap<String, String>,
    /// Which of them an end user set: an agent takes only those that its file lists.
    pub set_by_user: BTreeSet<String>,
    /// `{{ call.id }}`.
    pub call_id: Option<String>,
    /// Overrides how the call is recorded.
    pub recording: Option<RecordingMode>,
    /// `{{ dispatch }}`: the content of a dispatch that is not Sidetone's own.
    pub dispatch: Option<Value>,
}

impl AgentConfig {
    /// The agent as it holds this call: one of its variants, if it has any, chosen by the call's id.
    pub fn variant_of(&self, call_id: Uuid) -> Self {
        match variants::choose(&self.variants, call_id) {
            Some(chosen) => self.with_variant(chosen),
            None => self.clone(),
        }
    }

    /// The agent itself, and each of its variants.
    pub fn versions(&self) -> Vec<Self> {
        let variants = self
            .variants
            .iter()
            .map(|variant| self.with_variant(variant));
        std::iter::once(self.clone()).chain(variants).collect()
    }

    fn with_variant(&self, chosen: &Variant) -> Self {
        let mut agent = self.clone();
        agent.variant = Some(chosen.name.clone());
        if let Some((prompt, _)) = &chosen.prompt {
            agent.templates.system_prompt.clone_from(prompt);
            agent.templates.small_prompt = None;
        }
        if let Some(greeting) = &chosen.greeting {
            agent.templates.greeting.clone_from(greeting);
        }
        agent.voice = chosen.voice.clone().unwrap_or(agent.voice);
        if let (Some(llm), Some(first)) = (&chosen.llm, agent.stages.llm.providers.first_mut()) {
            first.model = Some(llm.clone());
        }
        agent
    }

    /// The agent for one call: overrides applied, `{{variables}}` filled in. What is known of the caller and from the
    /// lookup is added later, with [`AgentConfig::with`].
    ///
    /// # Errors
    /// A variable has no value, or the prompt is empty or longer than [`MAX_PROMPT_CHARS`].
    pub fn for_call(&self, overrides: &Overrides) -> Result<Self, Problems> {
        let mut call = self.clone();
        let of_call = overrides.variables.iter().filter(|(name, _)| {
            !overrides.set_by_user.contains(*name) || self.user.variables.contains(*name)
        });
        call.variables
            .extend(of_call.map(|(name, value)| (name.clone(), value.clone())));
        call.voice = overrides.voice.clone().unwrap_or(call.voice);
        call.recording = overrides.recording.or(self.recording);
        if let Some(prompt) = &overrides.system_prompt {
            call.templates.system_prompt.clone_from(prompt);
            call.templates.small_prompt = None;
            call.version += &format!("+{}", hash([prompt.as_str()]));
        }
        let problem = |what: &str, line: Option<usize>, message: String| ConfigError {
            file: format!("agent {}, {what}", self.name),
            line,
            message,
        };
        let mut problems = Vec::new();
        for name in &self.required_variables {
            if !call.variables.contains_key(name) {
                let message =
                    format!("no value for {{{{{name}}}}}; set it in the call's variables");
                problems.push(problem("required_variables", None, message));
            }
        }
        for (what, text) in call.templates.all() {
            for name in template::variables(text) {
                let root = root(&name);
                if !RESERVED_VARIABLES.contains(&root) && !call.variables.contains_key(root) {
                    let message = format!(
                        "no value for {{{{{name}}}}}; set it in the call's variables, or a default \
                         under [variables]"
                    );
                    problems.push(problem(what, Some(template::line_of(text, &name)), message));
                }
            }
        }
        let mut values: serde_json::Map<String, Value> = call
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        values.insert("call".into(), json!({"id": overrides.call_id}));
        let dispatch = overrides.dispatch.clone();
        values.insert("dispatch".into(), dispatch.unwrap_or_default());
        call.values = values.into();
        problems.extend(call.fill());
        if let Err(message) = check_prompt(&call.system_prompt) {
            problems.push(problem("prompt", None, message));
        }
        Problems::check(problems)?;
        Ok(call)
    }

    /// The agent with an additional value that its templates can use: `caller`, `lookup`. A text that cannot be filled
    /// in stays as it was, and is reported.
    pub fn with(&self, name: &str, value: Value) -> (Self, Vec<ConfigError>) {
        let mut agent = self.clone();
        agent.values[name] = value;
        let problems = agent.fill();
        (agent, problems)
    }

    /// The agent with its caller, who is now in the room: it sees those of their attributes that
    /// [`UserChoices`](crate::choices::UserChoices) lets through. Also returns the names of the others.
    pub fn meet(&self, caller: &Caller) -> (Self, Vec<ConfigError>, Vec<String>) {
        let (attributes, passed) = self.user.attributes(caller);
        let known = json!({
            "identity": caller.identity,
            "name": caller.name,
            "attributes": attributes,
        });
        let (agent, problems) = self.with("caller", known);
        (agent, problems, passed)
    }

    /// The agent as a small model is asked: with its prompt for those, where its file has one and
    /// neither the call nor its variant another.
    pub fn for_small_model(mut self) -> Self {
        if let Some(prompt) = self.templates.small_prompt.take() {
            self.templates.system_prompt = prompt;
            for problem in self.fill() {
                tracing::error!("{problem}");
            }
        }
        self
    }

    fn fill(&mut self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        let Templates {
            system_prompt,
            small_prompt: _,
            greeting,
            recording_announcement,
            apology,
            cut_off,
            say_again,
            filler,
            voicemail,
        } = &self.templates;
        let message = self.voicemail.as_ref().and_then(|v| v.message.clone());
        let mut message = message.unwrap_or_default();
        for (what, text, into) in [
            ("prompt", system_prompt, &mut self.system_prompt),
            ("greeting", greeting, &mut self.greeting),
            (
                "recording_announcement",
                recording_announcement,
                &mut self.recording_announcement,
            ),
            ("apology", apology, &mut self.apology),
            ("cut_off", cut_off, &mut self.cut_off),
            ("say_again", say_again, &mut self.say_again),
            ("filler", filler, &mut self.filler),
            ("voicemail.message", voicemail, &mut message),
        ] {
            match template::fill(text, &self.values) {
                Ok(filled) => *into = filled,
                Err((line, message)) => problems.push(ConfigError {
                    file: format!("agent {}, {what}", self.name),
                    line: Some(line),
                    message,
                }),
            }
        }
        if let Some(said) = self.voicemail.as_mut().and_then(|v| v.message.as_mut()) {
            *said = message;
        }
        problems
    }

    /// The requested agent does not exist, and no other is to take its place: this agent says so to the caller, and
    /// does nothing else.
    pub fn refuse(&mut self) {
        self.refusal = Some(built_in::of(self.language.as_deref()).no_agent);
    }

    /// What an agent says first that takes the call over. `is_owed`: an answer follows. Empty for nothing.
    pub fn takes_over_with(&self, is_owed: bool) -> String {
        if is_owed || self.cut_off.is_empty() {
            return self.cut_off.clone();
        }
        format!("{} {}", self.cut_off, self.say_again)
            .trim()
            .to_owned()
    }

    /// Prepends the recording announcement to the greeting, if there is one.
    pub fn announce_recording(&mut self) {
        let join = |announcement: &str, greeting: &str| {
            let both = if announcement.is_empty() {
                greeting.to_owned()
            } else {
                format!("{announcement} {greeting}")
            };
            both.trim().to_owned()
        };
        self.greeting = join(&self.recording_announcement, &self.greeting);
        // The greeting is filled in again when the caller is known.
        let templates = &mut self.templates;
        templates.greeting = join(&templates.recording_announcement, &templates.greeting);
    }
}
