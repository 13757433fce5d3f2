//! What is asked of a provider beyond its protocol: how the model answers, which header has the key,
//! and what a server of its own kind wants.

use crate::mcp::filled;
use crate::secret::{Secret, Secrets};
use crate::section::Section;
use sidetone_base::provider::{Auth, LlmOptions};

/// What the protocol's own fields are: an agent's file says these elsewhere.
const RESERVED: [&str; 5] = ["model", "messages", "input", "stream", "tools"];

/// How a provider is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manner {
    /// Its language model.
    pub llm: LlmOptions,
    /// How its key is sent; none: as the server is known to want it.
    pub auth: Option<Auth>,
    /// Further headers of each request.
    pub headers: Vec<(String, Secret)>,
}

impl Manner {
    /// This one, and what it does not say as `other` does: what the model should be like holds for
    /// every provider; headers and extra fields are one server's.
    pub fn or(mut self, other: &Self) -> Self {
        let LlmOptions {
            reasoning_effort,
            temperature,
            max_tokens,
            ..
        } = &other.llm;
        let mine = &mut self.llm;
        mine.reasoning_effort = mine.reasoning_effort.take().or(reasoning_effort.clone());
        mine.temperature = mine.temperature.or(*temperature);
        mine.max_tokens = mine.max_tokens.or(*max_tokens);
        self
    }
}

/// The keys of `[llm]` and `[providers.*]`.
pub fn read(section: &mut Section<'_>, secrets: &Secrets) -> Manner {
    let reasoning_effort = section.text("reasoning_effort").map(|text| text.value);
    let has_temperature = !section.lacks("temperature");
    let temperature = section.fraction("temperature", 1.0, 0.0..=2.0);
    let has_most = !section.lacks("max_tokens");
    let most = section.count("max_tokens", 1_000, 1..=1_000_000);
    let mut extra_body = Default::default();
    if let Some((table, place)) = section.table("extra_body") {
        for name in RESERVED
            .into_iter()
            .filter(|name| table.contains_key(*name))
        {
            let message = format!(
                "{}.{name} is not for this table: Sidetone writes it itself; take it out",
                section.full("extra_body")
            );
            section.complain(&place, message);
        }
        extra_body = table;
    }
    let texts = section.map("headers");
    let headers = filled(section, "headers", texts, secrets);
    let auth = section.choice("auth", vec!["bearer", "api-key"]);
    let auth = auth.and_then(|text| match text.value.as_str() {
        "bearer" => Some(Auth::Bearer),
        "api-key" => Some(Auth::ApiKey),
        other => {
            let full = section.full("auth");
            let message = format!("{full} = {other:?} must be \"bearer\" or \"api-key\"");
            section.complain(&text.place, message);
            None
        }
    });
    Manner {
        llm: LlmOptions {
            reasoning_effort,
            temperature: has_temperature.then_some(temperature),
            max_tokens: has_most.then(|| u32::try_from(most).unwrap_or(u32::MAX)),
            extra_body,
        },
        auth,
        headers,
    }
}
