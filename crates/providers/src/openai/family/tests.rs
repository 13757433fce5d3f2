use serde_json::json;

use super::*;
use sidetone_base::provider::catalogue::{compatible, default};

#[test]
fn each_family_is_asked_what_it_takes() {
    assert_eq!(thinking(default::LLM).least(), Some("none"));
    assert_eq!(
        thinking("openai/gpt-6-sol-2026-10-01").least(),
        Some("none")
    );
    assert_eq!(thinking("gpt-6.1-sol").least(), Some("low"));
    assert_eq!(thinking("gpt-5-mini").least(), Some("minimal"));
    for other in [compatible::LLM, "qwen3", "llama-3.3-70b-versatile"] {
        assert_eq!(thinking(other).least(), None, "{other}");
    }
    assert_eq!(hearing(default::STT), Hearing::Keywords);
    assert_eq!(hearing(compatible::STT), Hearing::Tokens);
    assert_eq!(hearing("whisper-large-v3-turbo"), Hearing::Whisper);
    assert!(is_socket_only(default::STT_LIVE) && !is_socket_only(default::STT));
}

#[test]
fn temperature_is_for_models_that_do_not_reason() {
    let left = |model: &str, effort| {
        let fields = json!({ "temperature": 0.2, "stop": ["x"], "messages": [] });
        let mut fields = fields.as_object().unwrap().clone();
        thinking(model).restrict(effort, &mut fields);
        fields.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(left("gpt-6-luna", Some("none")).len(), 3);
    assert_eq!(left("gpt-6-luna", Some("low")), ["messages"]);
    assert_eq!(left("gpt-6-luna", None), ["messages"]);
    assert_eq!(left("gpt-5-mini", Some("minimal")), ["messages", "stop"]);
    assert_eq!(left("gpt-4o-mini", None).len(), 3);
}
