//! Which fields are sent to which model.

use super::super::http::ApiKey;
use super::*;
use sidetone_base::provider::catalogue::default;

fn llm(base_url: &str, model: &str, options: LlmOptions) -> Llm {
    let settings = Settings {
        base_url: base_url.into(),
        api_key: Some(ApiKey::new("sk-1")),
        model: model.into(),
        ..Settings::default()
    };
    Llm::new(&Http::new().unwrap(), settings)
        .unwrap()
        .with_options(options)
}

fn sent(llm: &Llm) -> (LlmApi, Value) {
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, "hello")],
        ..ChatRequest::default()
    };
    let api = llm.api();
    (api, llm.fields(api, &request, &Dialect::default()))
}

#[test]
fn only_a_server_that_keeps_to_schemas_is_asked_to() {
    let request = ChatRequest {
        schema: Some(json!({ "type": "object" })),
        ..ChatRequest::default()
    };
    let format = |llm: Llm| {
        let fields = llm.fields(llm.api(), &request, &Dialect::default());
        fields.get("response_format").cloned()
    };
    let llm = llm(OTHER, "m", LlmOptions::default());
    assert_eq!(format(llm.clone()), None);
    let kept = format(llm.that_keeps_schemas(true)).unwrap();
    assert_eq!(kept["type"], "json_schema");
    assert_eq!(kept["json_schema"]["schema"], json!({ "type": "object" }));
}

const OPENAI: &str = "https://api.openai.com/v1";
const OTHER: &str = "https://openrouter.ai/api/v1";

fn hot() -> LlmOptions {
    LlmOptions {
        temperature: Some(0.2),
        max_tokens: Some(200),
        ..LlmOptions::default()
    }
}

#[test]
fn openais_models_are_told_not_to_think() {
    let (api, fields) = sent(&llm(OPENAI, default::LLM, hot()));
    assert_eq!(api, LlmApi::Chat);
    assert_eq!(fields["reasoning_effort"], "none");
    assert_eq!(fields["temperature"], json!(0.2));
    assert_eq!(fields["max_completion_tokens"], 200);
    assert_eq!(fields.get("max_tokens"), None);
    // A temperature is not accepted while the model reasons.
    let thinks = LlmOptions {
        reasoning_effort: Some("low".into()),
        ..hot()
    };
    let (_, fields) = sent(&llm(OPENAI, default::LLM, thinks));
    assert_eq!(
        (&fields["reasoning_effort"], fields.get("temperature")),
        (&json!("low"), None)
    );
    // Earlier models know no effort.
    let (_, fields) = sent(&llm(OPENAI, "gpt-4o-mini", hot()));
    assert_eq!(
        (fields.get("reasoning_effort"), &fields["temperature"]),
        (None, &json!(0.2))
    );
}

#[test]
fn models_that_always_think_are_asked_by_the_responses_api() {
    let (api, fields) = sent(&llm(OPENAI, "gpt-6.1-sol", hot()));
    assert_eq!(api, LlmApi::Responses);
    assert_eq!(fields["reasoning"], json!({ "effort": "low" }));
    assert_eq!(fields["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!(fields["store"], false);
    assert_eq!(fields["max_output_tokens"], 200);
    assert_eq!(fields.get("temperature"), None);
    let luna = llm(OPENAI, default::LLM, hot()).with_api(LlmApi::Responses);
    let (_, fields) = sent(&luna);
    assert_eq!(fields["reasoning"], json!({ "effort": "none" }));
    assert_eq!(fields.get("include"), None);
}

#[test]
fn other_servers_keep_the_fields_they_know() {
    let (_, fields) = sent(&llm(OTHER, "gpt-4o-mini", hot()));
    let fields = fields.as_object().unwrap();
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "max_tokens",
            "messages",
            "model",
            "stream",
            "stream_options",
            "temperature"
        ]
    );
}

#[test]
fn further_fields_go_along_and_replace_none_of_ours() {
    let extra = json!({ "provider": { "sort": "latency" }, "model": "other", "stream_options": { "x": 1 } });
    let extra_body = extra.as_object().unwrap().clone();
    let (_, fields) = sent(&llm(
        OTHER,
        "m",
        LlmOptions {
            extra_body,
            ..LlmOptions::default()
        },
    ));
    assert_eq!(fields["provider"]["sort"], "latency");
    assert_eq!(fields["model"], "m");
    assert_eq!(fields["stream_options"]["x"], 1);
}

#[test]
fn a_tool_without_arguments_says_so() {
    let object = serde_json::json!({ "type": "object", "properties": {} });
    for schema in [
        serde_json::json!({}),
        serde_json::Value::Null,
        serde_json::json!({ "type": "object" }),
        object.clone(),
    ] {
        assert_eq!(wire::parameters(&schema), object, "{schema}");
    }
    let either = serde_json::json!({ "type": "object", "anyOf": [{ "required": ["a"] }] });
    assert_eq!(wire::parameters(&either), either);
}
