use super::*;

#[test]
fn a_tool_has_its_own_name_whatever_was_sent() {
    let tools = ["look", "calendar_find.slots"].map(str::to_owned);
    for (name, own) in [
        ("look", "look"),
        ("functions.look", "look"),
        ("calendar_find_slots", "calendar_find.slots"),
        ("other", "other"),
    ] {
        assert_eq!(own_name(name, &tools), own);
    }
}

/// A server that never stops fills no memory.
#[test]
fn opaque_fields_are_kept_up_to_a_limit() {
    let large = "x".repeat(100_000);
    let thought = serde_json::json!({ "type": "response.output_item.done", "item": {
        "type": "reasoning", "encrypted_content": large } });
    let call = serde_json::json!({ "type": "response.output_item.done", "item": {
        "type": "function_call", "call_id": "a", "name": "look", "arguments": "{}" } });
    let chat = serde_json::json!({ "choices": [{ "delta": { "tool_calls": [
        { "id": "a", "function": { "name": "look", "arguments": "{}" }, "extra": large }] } }] });
    let request = ChatRequest {
        may_call: true,
        ..ChatRequest::default()
    };
    for (api, events) in [
        (LlmApi::Responses, [vec![thought; 40], vec![call]].concat()),
        (LlmApi::Chat, vec![chat; 40]),
    ] {
        let mut answer = Answer::new(api, &request, Opening::Plain);
        for event in events {
            assert!(answer.push(format!("data: {event}\n\n").as_bytes()).is_ok());
        }
        assert!(answer.push(b"data: [DONE]\n\n").is_ok() && answer.end());
        let deltas = std::iter::from_fn(|| answer.poll());
        let call = deltas.into_iter().find_map(|delta| match delta {
            Delta::ToolCall(call) => Some(call),
            _ => None,
        });
        let call = call.expect("a call");
        let kept = Value::from(call.opaque).to_string().len();
        assert!((100_000..600_000).contains(&kept), "{kept} bytes");
    }
}
