//! `[result]`: what to extract from a call when it is over, and where to post it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::json_schema;
use super::section::Section;
use super::timing::secs;
use super::webhook::{self, WebhookEvent, check_webhook};

/// How the results of an agent's calls are made.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultConfig {
    /// JSON Schema of the result. `None` if no result is made.
    pub schema: Option<Value>,
    /// What the model is told in addition to the schema.
    pub instructions: String,
    /// How long the model may take, including a second attempt.
    pub timeout: Duration,
    /// Where the call's end is posted. `None` to follow the process's environment.
    pub webhook: Option<String>,
    /// Which events are posted there in addition to the end. `None` to follow the process's environment.
    pub events: Option<Vec<WebhookEvent>>,
}

/// Reads `[result]`.
pub fn read(top: &mut Section<'_>) -> ResultConfig {
    let wanted = !top.lacks("result");
    let mut section = top.section("result");
    let intents = section.list("intents", Vec::new());
    let mut fields = json!({"type": "object", "properties": {}});
    if let Some((schema, place)) = section.json("fields") {
        for problem in json_schema::problems(&schema) {
            section.complain(&place, format!("result.fields: {problem}"));
        }
        if schema["type"] != "object" {
            let message = "result.fields: the outermost type must be \"object\"";
            section.complain(&place, message);
        }
        fields = schema;
    }
    let instructions = section.text("instructions");
    let timeout = section.duration("timeout", secs(20), secs(1)..=secs(120));
    let webhook = section.text("webhook");
    if let Some(url) = &webhook
        && let Err(message) = check_webhook(&url.value)
    {
        section.complain(
            &url.place,
            format!("result.webhook = {:?}: {message}", url.value),
        );
    }
    let lacks_events = section.lacks("events");
    let names = section.list("events", Vec::new());
    let events = webhook::events(names.iter().map(String::as_str)).unwrap_or_else(|message| {
        section.complain_here(format!("result.events: {message}"));
        Vec::new()
    });
    section.finish();
    ResultConfig {
        schema: wanted.then(|| schema(&intents, fields)),
        instructions: instructions.map_or_else(String::new, |text| text.value),
        timeout,
        webhook: webhook.map(|url| url.value),
        events: (!lacks_events).then_some(events),
    }
}

/// The schema of the whole result.
fn schema(intents: &[String], fields: Value) -> Value {
    let mut intent = Map::from_iter([
        ("type".to_owned(), json!("string")),
        (
            "description".to_owned(),
            json!("Why the caller called, in a word or two"),
        ),
    ]);
    if !intents.is_empty() {
        intent.insert("enum".into(), json!(intents));
    }
    json!({
        "type": "object",
        "required": ["summary", "intent", "resolved", "fields"],
        "properties": {
            "summary": {"type": "string", "description": "What happened, in at most three sentences"},
            "intent": intent,
            "resolved": {"type": "boolean", "description": "Whether the caller got what they wanted"},
            "fields": fields,
        },
    })
}
