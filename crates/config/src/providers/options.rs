//! Settings of a provider beyond its protocol: options of the model, the header for the key, and what a particular
//! server requires.

use crate::mcp::filled;
use crate::secret::{Secret, Secrets};
use crate::section::Section;
use sidetone_base::provider::{Auth, LlmOptions};

/// The protocol's own fields, which an agent's file sets elsewhere.
const RESERVED: [&str; 5] = ["model", "messages", "input", "stream", "tools"];

/// Additional settings of a provider.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manner {
    /// Options of its language model.
    pub llm: LlmOptions,
    /// How its key is sent. `None` for the way that the server is known to expect.
    pub auth: Option<Auth>,
    /// Additional headers of each request.
    pub headers: Vec<(String, Secret)>,
}

impl Manner {
    /// These settings, completed by those of `other`: the model's options apply to every provider, headers and extra
    /// fields only to one server.
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

/// Reads the keys of `[llm]` and `[providers.*]`.
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
                "{}.{name} cannot be set here: Sidetone sets this field itself; remove it",
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
