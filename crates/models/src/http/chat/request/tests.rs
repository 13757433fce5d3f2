use serde_json::json;

use super::*;

fn read(request: Value) -> Chat {
    serde_json::from_value::<Request>(request)
        .unwrap()
        .chat(true)
        .unwrap()
}

#[test]
fn every_request_that_openai_accepts_is_accepted() {
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
    assert_eq!(roles, [System, User, Assistant, Tool, Assistant, User]);
    assert_eq!(chat.messages[1].content, "Is there a table?");
    assert_eq!(chat.messages[2].calls[0].name, "find");
    assert_eq!(chat.messages[4].content, "No.");
    let calls = chat.form.calls.unwrap();
    assert!(calls.needed);
    assert!(chat.form.json.is_some());
    assert_eq!(chat.max_tokens, Some(50));
}

#[test]
fn who_may_call_what_is_as_the_request_says() {
    let tools = json!([{"type": "function", "function": {"name": "find"}},
                       {"type": "function", "function": {"name": "book", "parameters": {
                           "type": "object", "properties": {"day": {"type": "string"}}}}}]);
    let user = json!([{"role": "user", "content": "Hello"}]);
    let with =
        |choice: Value| read(json!({"messages": user, "tools": tools, "tool_choice": choice}));
    let auto = with(json!("auto"));
    assert_eq!(auto.tools.len(), 2);
    let calls = auto.form.calls.unwrap();
    assert!(!calls.needed);
    // the model still reads the tools, so that what it has read of the prompt stays remembered
    let none = with(json!("none"));
    assert!(none.tools.len() == 2 && none.form.calls.is_none());
    assert!(with(json!("required")).form.calls.unwrap().needed);
    let one = with(json!({"type": "function", "function": {"name": "find"}}));
    assert!(one.form.calls.unwrap().needed);
    let plain = read(json!({"messages": user, "tools": [], "response_format": {"type": "text"}}));
    assert_eq!((plain.tools, plain.form), (vec![], Form::default()));
}

#[test]
fn a_tool_is_called_once_in_a_turn() {
    let tools = json!([{"type": "function", "function": {"name": "find"}}]);
    let user = json!({"role": "user", "content": "Hello"});
    let called = json!({"role": "assistant", "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]});
    let result = json!({"role": "tool", "tool_call_id": "1", "content": "nothing"});
    let may_call = |messages: Value| {
        let form = read(json!({"messages": messages, "tools": tools})).form;
        assert!(form.knows_tools);
        form.calls.is_some()
    };
    assert!(!may_call(json!([user, called, result])));
    assert!(may_call(json!([user, called, result, user])));
}

#[test]
fn requests_that_cannot_be_honoured_are_refused() {
    let user = json!([{"role": "user", "content": "Hello"}]);
    let refused = |more: Value| {
        let mut request = json!({"messages": user});
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let request: Request = serde_json::from_value(request).unwrap();
        format!("{:?}", request.chat(true).unwrap_err())
    };
    let bad = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 2, "maximum": 1}}});
    let tool = json!({"type": "function", "function": {"name": "find", "parameters": bad}});
    assert!(refused(json!({"tools": [tool]})).contains("tools[0].function.parameters"));
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": bad}});
    assert!(refused(json!({"response_format": format})).contains("response_format"));
    let find = json!({"type": "function", "function": {"name": "find"}});
    assert!(refused(json!({"tools": [find], "tool_choice": "some"})).contains("tool_choice"));
    let other = json!({"type": "function", "function": {"name": "book"}});
    assert!(refused(json!({"tools": [find], "tool_choice": other})).contains("no such tool"));
    assert!(refused(json!({"tools": [{"type": "web_search"}]})).contains("web_search"));
    assert!(refused(json!({"tools": vec![find; 65]})).contains("65 tools"));
}

#[test]
fn minus_one_means_no_limit() {
    let user = json!([{"role": "user", "content": "Hello"}]);
    let chat = read(json!({"messages": user, "max_tokens": -1}));
    assert_eq!(chat.max_tokens, None);
    let chat = read(json!({"messages": user, "max_tokens": 0}));
    assert_eq!(chat.max_tokens, Some(0));
}
