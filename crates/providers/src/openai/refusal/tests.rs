use super::*;

fn read(body: &str) -> Refusal {
    Refusal::read(body.as_bytes())
}

#[test]
fn every_style_of_error_body_is_understood() {
    let field = |body: &str| {
        let refusal = read(body);
        (refusal.paths, refusal.message)
    };
    for (body, path, message) in [
        (
            r#"{"error":{"message":"no","param":"messages[1].tool_calls[0].id","code":null}}"#,
            Some("messages.*.tool_calls.*.id"),
            "no",
        ),
        (r#"{"error":"stream_options?"}"#, None, "stream_options?"),
        (
            r#"{"detail":[{"loc":["body","tools",0,"function","strict"],"msg":"extra"}]}"#,
            Some("tools.*.function.strict"),
            "extra",
        ),
        (r#"{"detail":"not here"}"#, None, "not here"),
        (
            r#"{"object":"error","message":"old vLLM","code":400}"#,
            None,
            "old vLLM",
        ),
        (
            r#"[{"error":{"message":"Gemini's list","code":400}}]"#,
            None,
            "Gemini's list",
        ),
        (
            r#"{"object":"error","message":{"detail":[{"loc":["body","x"],"msg":"extra"}]}}"#,
            Some("x"),
            "extra",
        ),
        (
            r#"{"error":{"message":"Provider returned error","metadata":{"raw":"why"}}}"#,
            None,
            "Provider returned error; why",
        ),
        (
            "<html><head><title>502 Bad Gateway</title></head></html>",
            None,
            "502 Bad Gateway",
        ),
        ("upstream is down", None, "upstream is down"),
        (
            r#"{"error":{"param":"include[]","message":"no"}}"#,
            Some("include[]"),
            "no",
        ),
    ] {
        let paths = path.map(str::to_owned).into_iter().collect();
        assert_eq!(field(body), (paths, message.to_owned()), "{body}");
    }
}

#[test]
fn no_error_is_none() {
    for body in [
        r#"{"error":null}"#,
        r#"{"error":{}}"#,
        "{}",
        "[]",
        r#"{"choices":[]}"#,
    ] {
        let value: Value = serde_json::from_str(body).unwrap();
        assert_eq!(Refusal::of(&value), None, "{body}");
    }
}

#[test]
fn a_conversation_that_is_too_long_is_known_by_code_or_words() {
    for body in [
        r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#,
        r#"{"error":{"type":"exceed_context_size_error","message":"x"}}"#,
        r#"{"message":"This model's maximum context length is 8192 tokens."}"#,
        r#"{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        r#"{"error":"The input token count exceeds the maximum number of tokens allowed"}"#,
    ] {
        assert!(read(body).is_too_long(), "{body}");
    }
    for body in [
        r#"{"error":{"message":"max_tokens is too large: this model's maximum context length is 4096"}}"#,
        r#"{"error":{"message":"The model does not exist."}}"#,
    ] {
        assert!(!read(body).is_too_long(), "{body}");
    }
}
