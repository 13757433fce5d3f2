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
fn a_body_without_an_error_is_not_a_refusal() {
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

#[test]
fn what_one_request_or_answer_is_refused_for_is_its_own_fault() {
    for body in [
        r#"{"error":{"message":"no","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}"#,
        r#"{"error":{"message":"no","type":"invalid_request_error","code":"other"}}"#,
        r#"{"error":{"message":"no","code":"content_filter","status":400}}"#,
        r#"{"error":{"code":403,"message":"Input was flagged","metadata":{"reasons":["x"]}}}"#,
    ] {
        assert!(read(body).is_of_request(), "{body}");
    }
    assert!(read(r#"{"error":{"code":"json_validate_failed"}}"#).is_of_answer());
    assert!(!read(r#"{"error":{"message":"busy","type":"server_error"}}"#).is_of_request());
    let status = |body: &str| read(body).status();
    assert_eq!(
        status(r#"{"error":{"message":"x","code":"429"}}"#),
        Some(429)
    );
    assert_eq!(
        status(r#"{"error":{"message":"x","code":"odd","status":503}}"#),
        Some(503)
    );
    assert_eq!(status(r#"{"error":{"message":"x","code":7}}"#), None);
}

#[test]
fn every_way_to_say_that_a_conversation_is_too_long_is_understood() {
    for message in [
        "This model's maximum prompt length is 131072 but the request contains 136973 tokens.",
        "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000",
        "model max length exceeded, max length:8192",
        "Your request exceeded model token limit: 8192",
        "`inputs` tokens + `max_new_tokens` must be <= 8192",
        "Range of input length should be [1, 129024]",
    ] {
        let body = serde_json::json!({ "error": { "message": message } });
        assert!(read(&body.to_string()).is_too_long(), "{message}");
    }
}
