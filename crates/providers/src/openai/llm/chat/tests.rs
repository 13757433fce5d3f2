use super::*;

fn request() -> ChatRequest {
    let look = super::super::Tool {
        name: "look".into(),
        description: String::new(),
        parameters: json!({ "type": "object" }),
    };
    ChatRequest {
        tools: vec![look],
        may_call: true,
        ..ChatRequest::default()
    }
}

/// The deltas for these events, and whether the answer was complete.
fn read(events: &[Value], done: bool) -> (Vec<Delta>, bool) {
    let mut reader = Reader::new(&request(), Opening::Plain);
    let mut ready = VecDeque::new();
    for event in events {
        reader.event(event, &mut ready).unwrap();
    }
    reader.done |= done;
    let whole = reader.end(&mut ready);
    (ready.into(), whole)
}

fn delta(delta: Value) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta }] })
}

fn finish(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn a_call(arguments: &str) -> Value {
    delta(json!({ "tool_calls": [
        { "index": 0, "id": "a", "function": { "name": "look", "arguments": arguments } }] }))
}

fn calls(deltas: &[Delta]) -> Vec<(&str, &str)> {
    let calls = deltas.iter().filter_map(|delta| match delta {
        Delta::ToolCall(call) => Some((call.name.as_str(), call.arguments.as_str())),
        _ => None,
    });
    calls.collect()
}

fn text(deltas: &[Delta]) -> String {
    let texts = deltas.iter().filter_map(|delta| match delta {
        Delta::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn whole_calls_are_taken_whatever_the_stream_says_at_its_end() {
    let friday = r#"{"day":"Friday"}"#;
    for (end, done) in [
        (vec![finish("tool_calls")], true),
        (vec![finish("stop")], true),
        (vec![finish("")], true),
        (vec![], true),
        (vec![finish("stop")], false),
        (vec![], false),
    ] {
        let events = [vec![a_call(friday)], end.clone()].concat();
        let (deltas, whole) = read(&events, done);
        assert!(whole, "{end:?}");
        assert_eq!(calls(&deltas), [("look", friday)], "{end:?}");
        let finished = Delta::Finished(FinishReason::ToolCalls);
        assert_eq!(deltas.last(), Some(&finished), "{end:?}");
    }
}

#[test]
fn arguments_that_are_cut_off_reach_the_model_again_or_break_the_stream() {
    let cut = r#"{"day": "Fri"#;
    // The server says that the answer is complete, so the tool's result will be that the arguments are not JSON.
    let (deltas, whole) = read(&[a_call(cut), finish("length")], true);
    assert!(whole);
    assert_eq!(calls(&deltas), [("look", cut)]);
    // The stream broke off.
    assert!(!read(&[a_call(cut)], false).1);
    assert!(!read(&[delta(json!({ "content": "It is" }))], false).1);
}

#[test]
fn calls_come_by_deltas_of_old_and_in_whole_messages() {
    let friday = r#"{"day":"Friday"}"#;
    let old = [
        delta(json!({ "function_call": { "name": "look", "arguments": "" } })),
        delta(json!({ "function_call": { "arguments": friday } })),
        finish("function_call"),
    ];
    assert_eq!(calls(&read(&old, true).0), [("look", friday)]);
    let whole = json!({ "choices": [{ "index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": "Let me look.",
        "tool_calls": [{ "id": "a", "function": { "name": "look", "arguments": { "day": "Friday" } } }],
    } }] });
    let (deltas, _) = read(std::slice::from_ref(&whole), true);
    assert_eq!(
        (text(&deltas).as_str(), calls(&deltas)),
        ("Let me look.", vec![("look", friday)])
    );
    // After deltas the message only repeats them.
    let again = [
        delta(json!({ "content": "Let me look." })),
        a_call(friday),
        whole,
    ];
    let (deltas, _) = read(&again, true);
    assert_eq!(
        (text(&deltas).as_str(), calls(&deltas)),
        ("Let me look.", vec![("look", friday)])
    );
}

#[test]
fn thoughts_are_not_said_and_go_back_with_the_calls_they_led_to() {
    let events = [
        delta(json!({ "reasoning_content": "The caller ", "content": null })),
        delta(json!({ "reasoning_content": "wants the time." })),
        delta(json!({ "reasoning": "Hm.", "thinking": "Hm." })),
        delta(
            json!({ "reasoning_details": [{ "type": "reasoning.text", "index": 0, "text": "The " }] }),
        ),
        delta(
            json!({ "reasoning_details": [{ "type": "reasoning.text", "index": 0, "text": "caller", "signature": "s" }] }),
        ),
        delta(
            json!({ "content": [{ "type": "thinking", "thinking": "Hm." }, { "type": "text", "text": "Let me look." }] }),
        ),
        a_call("{}"),
        finish("tool_calls"),
    ];
    let (deltas, _) = read(&events, true);
    assert_eq!(text(&deltas), "Let me look.");
    let opaque = deltas.iter().find_map(|delta| match delta {
        Delta::Opaque(opaque) => Some(Value::from(opaque.clone())),
        _ => None,
    });
    assert_eq!(
        opaque.unwrap(),
        json!({
            "reasoning_content": "The caller wants the time.",
            "reasoning_details": [{ "type": "reasoning.text", "index": 0, "text": "The caller", "signature": "s" }],
        })
    );
    // Without a call the opaque fields are not needed again.
    let (deltas, _) = read(
        &[
            events[0].clone(),
            delta(json!({ "content": "Noon." })),
            finish("stop"),
        ],
        true,
    );
    assert!(!deltas.iter().any(|delta| matches!(delta, Delta::Opaque(_))));
}

#[test]
fn usage_is_reported_once_wherever_it_stands() {
    let usage = |prompt, cached, completion| Usage {
        prompt_tokens: prompt,
        cached_tokens: cached,
        completion_tokens: completion,
    };
    let events = [
        json!({ "choices": [], "prompt_filter_results": [] }),
        json!({ "choices": [{ "delta": { "content": "Noon." } }],
                "usage": { "prompt_tokens": 9, "completion_tokens": 1 } }),
        finish("stop"),
        json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 2,
                "prompt_tokens_details": { "cached_tokens": 8 } } }),
    ];
    let (deltas, _) = read(&events, true);
    let told: Vec<_> = deltas
        .iter()
        .filter(|delta| matches!(delta, Delta::Usage(_)))
        .collect();
    assert_eq!(told, [&Delta::Usage(usage(9, 8, 2))]);
    let groq = json!({ "choices": [], "x_groq": { "usage": { "prompt_tokens": 5, "completion_tokens": 1 } } });
    assert_eq!(
        read(&[finish("stop"), groq], true).0.last(),
        Some(&Delta::Usage(usage(5, 0, 1)))
    );
    let deepseek =
        json!({ "prompt_tokens": 5, "prompt_cache_hit_tokens": 4, "completion_tokens": 1 });
    assert_eq!(usage_of(&deepseek), Some(usage(5, 4, 1)));
}

#[test]
fn errors_within_a_stream_are_errors_and_empty_ones_are_not() {
    let fails = |event: Value| {
        let mut reader = Reader::new(&request(), Opening::Plain);
        reader.event(&event, &mut VecDeque::new()).is_err()
    };
    for error in [
        json!({ "error": "overloaded" }),
        json!({ "error": { "message": "overloaded", "code": 502 } }),
        json!({ "detail": "overloaded" }),
        json!({ "object": "error", "message": "overloaded", "code": 500 }),
        json!({ "type": "error", "error": { "type": "overloaded_error" } }),
        json!({ "choices": [{ "delta": {}, "finish_reason": "error" }] }),
    ] {
        assert!(fails(error.clone()), "{error}");
    }
    for fine in [
        json!({ "error": null, "choices": [] }),
        json!({ "error": {}, "choices": [{ "delta": { "content": "Hi" } }] }),
        json!({ "error": "", "choices": null }),
    ] {
        assert!(!fails(fine.clone()), "{fine}");
    }
    // What follows the end does not matter.
    let (deltas, whole) = read(
        &[
            delta(json!({ "content": "Noon." })),
            finish("stop"),
            json!({ "error": "late" }),
        ],
        false,
    );
    assert!(whole && text(&deltas) == "Noon.");
}

#[test]
fn opaque_fields_travel_back() {
    let mut call = ToolCall {
        id: "a".into(),
        name: "look".into(),
        arguments: "{}".into(),
        ..ToolCall::default()
    };
    let signature = json!({ "google": { "thought_signature": "sig" } });
    call.opaque
        .insert("extra_content".into(), signature.clone());
    call.opaque.insert(
        "function".into(),
        json!({ "cache": 1, "name": "not over ours" }),
    );
    let mut message = Message::new(Role::Assistant, "");
    message.calls.push(call);
    message
        .opaque
        .insert("reasoning_content".into(), "Hm.".into());
    message
        .opaque
        .insert("content".into(), "not over ours".into());
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, "?"), message],
        ..ChatRequest::default()
    };
    let sent = body(&request, History::default());
    assert_eq!(
        sent["messages"][1],
        json!({
            "role": "assistant", "content": null, "reasoning_content": "Hm.",
            "tool_calls": [{ "id": "a", "type": "function", "extra_content": signature,
                             "function": { "name": "look", "arguments": "{}", "cache": 1 } }],
        })
    );
    let plain = History {
        is_plain: true,
        ..History::default()
    };
    assert!(!json!(body(&request, plain)).to_string().contains("sig"));
}

#[test]
fn a_call_that_leaks_into_the_text_and_comes_as_one_is_made_once() {
    let leaked = r#"<tool_call>{"name": "look", "arguments": {"day":"Friday"}}</tool_call>"#;
    let both = [
        delta(json!({ "content": leaked })),
        a_call(r#"{"day": "Friday"}"#),
        finish("tool_calls"),
    ];
    let (deltas, _) = read(&both, true);
    assert_eq!(calls(&deltas), [("look", r#"{"day": "Friday"}"#)]);
    assert_eq!(text(&deltas), "");
}

#[test]
fn a_reason_ends_an_answer_only_where_it_comes_last() {
    let ending = |events: &[Value]| {
        let mut reader = Reader::new(&request(), Opening::Plain);
        let mut ready = VecDeque::new();
        for event in events {
            reader.event(event, &mut ready).unwrap();
        }
        reader.ending()
    };
    let with = |delta: Value, reason: &str| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
    let noon = json!({ "content": "Noon." });
    let hm = json!({ "reasoning_content": "Hm" });
    assert_eq!(ending(&[delta(noon.clone())]), Ending::Open);
    assert_eq!(
        ending(&[delta(noon.clone()), finish("stop")]),
        Ending::Certain
    );
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 1 } });
    assert_eq!(
        ending(&[delta(noon.clone()), finish("stop"), usage]),
        Ending::Certain
    );
    assert_eq!(ending(&[with(noon.clone(), "stop")]), Ending::Likely);
    assert_eq!(ending(&[with(noon.clone(), "null")]), Ending::Open);
    // with every piece, also of a thought: then it says nothing
    assert_eq!(ending(&[with(hm.clone(), "stop")]), Ending::Open);
    let all = [
        with(hm, "stop"),
        with(noon.clone(), "stop"),
        with(noon, "stop"),
    ];
    assert_eq!(ending(&all), Ending::Unknowable);
}

#[test]
fn a_model_that_writes_a_call_is_not_silent() {
    let (deltas, _) = read(&[a_call("{"), a_call("}"), finish("tool_calls")], true);
    let writing = deltas.iter().filter(|delta| **delta == Delta::Calling);
    assert!(writing.count() > 0);
}

#[test]
fn without_an_end_mark_an_answer_ends_with_a_whole_sentence() {
    let ends = |texts: &[&str], marks_end: bool| {
        let mut reader = Reader::new(&request(), Opening::Plain);
        reader.marks_end = marks_end;
        let mut ready = VecDeque::new();
        for text in texts {
            let event = delta(json!({ "content": text }));
            reader.event(&event, &mut ready).unwrap();
        }
        reader.end(&mut ready)
    };
    for whole in [
        ["It is noon", "."],
        ["\u{201c}It is noon", ".\u{201d} "],
        ["Noon!", " \u{1f600}"],
        ["你好", "。"],
    ] {
        assert!(ends(&whole, false), "{whole:?}");
        assert!(!ends(&whole, true), "{whole:?}");
    }
    for cut in [["It is", " no"], ["At 3.", "5"], ["First,", " "], ["", ""]] {
        assert!(!ends(&cut, false), "{cut:?}");
    }
}

#[test]
fn thoughts_of_claude_are_put_together() {
    let block = |thinking: &str, signature: Value| {
        delta(json!({ "thinking_blocks": [
            { "type": "thinking", "thinking": thinking, "signature": signature }] }))
    };
    let events = [
        block("The caller ", Value::Null),
        block("waits.", Value::Null),
        block("", "sig_1".into()),
        delta(json!({ "thinking_blocks": [{ "type": "redacted_thinking", "data": "x" }] })),
        block("So I look.", Value::Null),
        block("", "sig_2".into()),
        a_call("{}"),
    ];
    let (deltas, _) = read(&events, true);
    let opaque = deltas.iter().find_map(|delta| match delta {
        Delta::Opaque(opaque) => Some(opaque.clone()),
        _ => None,
    });
    let blocks = json!([
        { "type": "thinking", "thinking": "The caller waits.", "signature": "sig_1" },
        { "type": "redacted_thinking", "data": "x" },
        { "type": "thinking", "thinking": "So I look.", "signature": "sig_2" },
    ]);
    assert_eq!(opaque.unwrap()["thinking_blocks"], blocks);
}

#[test]
fn a_call_in_both_forms_is_one() {
    let function = json!({ "name": "look", "arguments": "{\"day\":\"Friday\"}" });
    let both = delta(json!({
        "tool_calls": [{ "index": 0, "id": "a", "function": function }], "function_call": function,
    }));
    let (deltas, _) = read(&[both], true);
    assert_eq!(calls(&deltas), [("look", r#"{"day":"Friday"}"#)]);
}

#[test]
fn a_call_in_the_text_of_a_model_that_may_not_call_is_neither_made_nor_said() {
    for leaked in [
        r#"{"name": "look", "parameters": {"day": "Friday"}}"#,
        r#"<tool_call>{"name": "look", "arguments": {}}</tool_call>"#,
    ] {
        let request = ChatRequest {
            may_call: false,
            ..request()
        };
        let mut reader = Reader::new(&request, Opening::Plain);
        let mut ready = VecDeque::new();
        let event = delta(json!({ "content": leaked }));
        reader.event(&event, &mut ready).unwrap();
        reader.done = true;
        assert!(reader.end(&mut ready));
        let deltas: Vec<Delta> = ready.into();
        assert_eq!(text(&deltas), "", "{leaked}");
        assert!(calls(&deltas).is_empty(), "{leaked}");
    }
}
