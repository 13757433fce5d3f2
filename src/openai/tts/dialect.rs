//! Fields that a server of speech was found not to take: they are left out from then on.
//!
//! Learned state of a provider, shared by all calls. `object` in, which fields may go, which field
//! an error is about: nothing here knows of speech but the names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

/// A field that a request can do without, and what to send in its place before that.
pub(super) type Droppable = (&'static str, &'static [&'static str]);

/// Of `POST /audio/speech`. A server without raw samples mostly has WAV.
pub(super) const OF_SPEECH: &[Droppable] = &[
    ("instructions", &[]),
    ("speed", &[]),
    ("response_format", &["wav"]),
    ("stream_format", &[]),
];

/// Of a Realtime session and its responses.
pub(super) const OF_REALTIME: &[Droppable] = &[
    ("reasoning", &[]),
    ("max_output_tokens", &[]),
    ("speed", &[]),
    ("tool_choice", &[]),
    ("tools", &[]),
    ("metadata", &[]),
];

/// See the module's documentation. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(super) struct Dialect(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Dialect {
    /// How often each field was refused.
    fn refusals(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        // Plain numbers: good also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object as this server takes it.
    pub(super) fn adapt(&self, droppable: &[Droppable], object: &mut Map<String, Value>) {
        let refusals = self.refusals();
        for (field, instead) in droppable {
            let Some(refused) = refusals.get(field).filter(|refused| **refused > 0) else {
                continue;
            };
            match instead.get(refused - 1) {
                Some(value) if object.contains_key(*field) => {
                    object.insert((*field).to_owned(), (*value).into());
                }
                Some(_) => {}
                None => {
                    object.remove(*field);
                }
            }
        }
    }

    /// The field of `sent` that a refusal is about is not sent so again. Answers whether there is
    /// one: then the request is worth another try.
    pub(super) fn learn(
        &self,
        droppable: &[Droppable],
        sent: &Map<String, Value>,
        refusal: &[u8],
    ) -> Option<&'static str> {
        let field = field_of(droppable, sent, refusal)?;
        let instead = droppable.iter().find(|(name, _)| *name == field)?.1;
        let value = sent.get(field).and_then(Value::as_str);
        // Requests in flight together are refused together, and count once.
        let step = value.and_then(|value| instead.iter().position(|other| *other == value));
        let step = step.map_or(1, |at| at + 2);
        let mut refusals = self.refusals();
        let known = refusals.entry(field).or_default();
        *known = (*known).max(step);
        Some(field)
    }
}

/// Which field of `sent` an error is about, of those that can be dropped: as OpenAI names it
/// (`param`), as FastAPI does (`loc`), or in the words of the message.
fn field_of(
    droppable: &[Droppable],
    sent: &Map<String, Value>,
    refusal: &[u8],
) -> Option<&'static str> {
    let document: Value = serde_json::from_slice(refusal).unwrap_or_default();
    let error = if document["error"].is_object() {
        &document["error"]
    } else {
        &document
    };
    let there = droppable.iter().map(|(field, _)| *field);
    let there: Vec<&'static str> = there.filter(|field| sent.contains_key(*field)).collect();
    let named = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_it = |field: &&&'static str| **field == last || name.contains(&format!(".{field}."));
        there.iter().find(is_it).copied()
    };
    if let Some(param) = error["param"].as_str() {
        return named(param);
    }
    let places = error["detail"].as_array().into_iter().flatten();
    for place in places.filter_map(|detail| detail["loc"].as_array()) {
        if let Some(field) = place.iter().filter_map(Value::as_str).find_map(named) {
            return Some(field);
        }
    }
    let text = String::from_utf8_lossy(refusal);
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.find_map(|word| there.iter().find(|field| **field == word).copied())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Map<String, Value> {
        let request = json!({"input": "Hi.", "instructions": "Be kind.", "speed": 1.5,
                             "response_format": "pcm"});
        request.as_object().unwrap().clone()
    }

    #[test]
    fn the_field_is_found_wherever_a_server_names_it() {
        for (refusal, field) in [
            (
                json!({"error": {"message": "x", "param": "instructions"}}).to_string(),
                Some("instructions"),
            ),
            (
                json!({"detail": [{"loc": ["body", "speed"], "type": "extra_forbidden"}]})
                    .to_string(),
                Some("speed"),
            ),
            (
                json!({"error": "response_format must be one of [wav mp3]"}).to_string(),
                Some("response_format"),
            ),
            ("Unrecognized argument: speed".to_owned(), Some("speed")),
            (json!({"error": {"param": "voice"}}).to_string(), None),
            (
                json!({"error": {"message": "stream_format?"}}).to_string(),
                None,
            ),
            ("<html>".to_owned(), None),
        ] {
            let found = field_of(OF_SPEECH, &request(), refusal.as_bytes());
            assert_eq!(found, field, "{refusal}");
        }
        let session = json!({"reasoning": {"effort": "minimal"}});
        let refusal = json!({"error": {"param": "session.reasoning.effort"}}).to_string();
        let sent = session.as_object().unwrap();
        assert_eq!(
            field_of(OF_REALTIME, sent, refusal.as_bytes()),
            Some("reasoning")
        );
    }

    #[test]
    fn what_was_refused_is_left_out_and_raw_samples_become_wav_before() {
        let dialect = Dialect::default();
        let refusal = br#"{"error": {"param": "response_format"}}"#;
        let mut sent = request();
        for (expected, times) in [(Some("wav"), 3), (None, 1)] {
            for _ in 0..times {
                dialect.learn(OF_SPEECH, &sent, refusal).unwrap();
            }
            sent = request();
            dialect.adapt(OF_SPEECH, &mut sent);
            assert_eq!(
                sent.get("response_format").and_then(Value::as_str),
                expected
            );
        }
        assert_eq!(dialect.learn(OF_SPEECH, &sent, refusal), None);
        assert!(sent.contains_key("speed"));
    }
}
