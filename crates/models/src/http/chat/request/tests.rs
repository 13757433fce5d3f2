use serde_json::json;

use super::*;

fn read(request: Value) -> Chat {
    serde_json::from_value::<Request>(request)
        .unwrap()
        .chat()
        .unwrap()
}

#[test]
fn whatever_openai_takes_is_taken() {
    let chat = read(json!({
        "model": "gpt-6-luna",
        "messages": [
            {"role": "developer", "content": "Be brief.", "name": "x"},
            {"role": "user", "content": [{"type": "text", "text": "Is there a "},
                                         {"type": "text", "text": "table?"}]},
            {"role": "assistant", "content": null, "refusal": null, "tool_calls": [
                {"id": "1", "type": "function",
                 "function": {"name": "find", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "at seven"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"role": "user", "content": "Then another."},
        ],
        "tools": [{"type": "function", "function": {"name": "find"}}],
        "tool_choice": {"type": "function", "function": {"name": "find"}},
        "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "x"}},
        "max_completion_tokens": 50, "max_tokens": null, "temperature": null, "n": 1,
        "stream": null, "stream_options": {"include_usage": null, "include_obfuscation": false},
        "reasoning_effort": "none", "verbosity": "low", "store": false, "metadata": {"a": "b"},
        "service_tier": "auto", "user": "u", "prompt_cache_key": "k", "logprobs": true,
        "modalities": ["text"], "prediction": null, "something_of_next_year": [1, 2],
    }));
    let roles: Vec<Role> = chat.messages.iter().map(|message| message.role).collect();
    use Role::{Assistant, System, Tool, User};
    assert_eq!(roles, [System, User, Tool, Assistant, User]);
    assert_eq!(chat.messages[1].content, "Is there a table?");
    assert_eq!(chat.messages[3].content, "No.");
    assert_eq!(chat.max_tokens, Some(50));
}

#[test]
fn the_model_is_told_what_it_cannot_do_at_the_end_of_its_prompt() {
    let tool = json!([{"type": "function", "function": {"name": "find"}}]);
    let system = json!({"role": "system", "content": "You are kind."});
    let user = json!({"role": "user", "content": "Hello"});
    let chat = read(json!({"messages": [system, user], "tools": tool}));
    assert_eq!(chat.messages[0].content, format!("You are kind.{NO_TOOLS}"));
    let chat = read(json!({"messages": [user], "functions": tool}));
    assert_eq!(chat.messages[0].content, NO_TOOLS.trim_start());
    assert_eq!(chat.messages.len(), 2);
    let json = json!({"type": "json_object"});
    let chat = read(json!({"messages": [system], "response_format": json}));
    assert_eq!(
        chat.messages[0].content,
        format!("You are kind.{JSON_ONLY}")
    );
    // Nothing was asked for that it cannot do.
    let plain = json!({"messages": [system], "tools": [], "response_format": {"type": "text"}});
    assert_eq!(read(plain).messages[0].content, "You are kind.");
}

#[test]
fn no_limit_is_none() {
    let user = json!([{"role": "user", "content": "Hello"}]);
    let chat = read(json!({"messages": user, "max_tokens": -1}));
    assert_eq!(chat.max_tokens, None);
    let chat = read(json!({"messages": user, "max_tokens": 0}));
    assert_eq!(chat.max_tokens, Some(0));
}
