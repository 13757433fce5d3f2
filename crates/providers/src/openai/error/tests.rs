use super::*;

fn from_status(status: u16, body: &str) -> ProviderError {
    let refusal = Refusal::read(body.as_bytes());
    ProviderError::status(Stage::Llm, "api.example", status, None, &refusal, "")
}

#[test]
fn messages_say_what_to_do_and_what_the_provider_says() {
    let refusal = Refusal::read(br#"{"error": {"message": "raw", "code": "invalid_api_key"}}"#);
    let said = "Incorrect API key provided: …";
    let error = ProviderError::status(Stage::Llm, "api.example", 401, None, &refusal, said);
    assert_eq!(error.kind, ErrorKind::Auth);
    assert_eq!(
        error.to_string(),
        "llm at api.example answered 401 (invalid_api_key): the key is missing, wrong or not \
             allowed to use this model; check OPENAI_API_KEY, or the key configured for this \
             stage; it says: Incorrect API key provided: …"
    );
    assert!(!error.transient);
}

#[test]
fn each_status_has_its_kind() {
    let cases = [
        (400, ErrorKind::Refused, false),
        (401, ErrorKind::Auth, false),
        (402, ErrorKind::Exhausted, false),
        (403, ErrorKind::Auth, false),
        (302, ErrorKind::Refused, false),
        (404, ErrorKind::NotFound, false),
        (413, ErrorKind::TooLong, false),
        (422, ErrorKind::Refused, false),
        (429, ErrorKind::RateLimited, true),
        (500, ErrorKind::Server, true),
        (503, ErrorKind::Server, true),
        (529, ErrorKind::RateLimited, true),
        (599, ErrorKind::Server, true),
    ];
    for (status, kind, transient) in cases {
        let error = from_status(status, "<html>");
        assert_eq!((error.kind, error.transient), (kind, transient), "{status}");
    }
}

#[test]
fn codes_say_more_than_statuses() {
    for (status, code, kind) in [
        (429, "insufficient_quota", ErrorKind::Exhausted),
        (403, "billing_hard_limit_reached", ErrorKind::Exhausted),
        (429, "credit_balance_exhausted", ErrorKind::Exhausted),
        (400, "invalid_api_key", ErrorKind::Auth),
        (500, "account_deactivated", ErrorKind::Auth),
        (400, "context_length_exceeded", ErrorKind::TooLong),
        (400, "model_not_found", ErrorKind::NotFound),
    ] {
        for body in [
            format!(r#"{{"error": {{"code": "{code}"}}}}"#),
            format!(r#"{{"error": {{"type": "{code}"}}}}"#),
        ] {
            let error = from_status(status, &body);
            assert_eq!((error.kind, error.transient), (kind, false), "{body}");
        }
    }
}

#[test]
fn a_server_that_names_a_time_wants_to_be_left_alone() {
    let wait = Some(Duration::from_secs(3));
    let error = ProviderError::status(Stage::Llm, "h", 503, wait, &Refusal::default(), "");
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert_eq!(error.retry_after, wait);
}

#[test]
fn used_up_credit_is_not_worth_a_retry() {
    let error = from_status(429, r#"{"error": {"code": "insufficient_quota"}}"#);
    assert!(!error.transient);
    assert!(error.to_string().contains("add credit"), "{error}");
}

#[test]
fn names_are_shown_and_sentences_are_not() {
    let body = |param: &str| format!(r#"{{"error": {{"code": 7, "param": "{param}"}}}}"#);
    let error = from_status(400, &body("messages[0].content"));
    assert!(
        error.to_string().contains("about `messages.*.content`"),
        "{error}"
    );
    let error = from_status(400, &body("my secret words"));
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_sentence_may_be_too_long_for_a_voice() {
    let kind = |stage: Stage, body: &str| {
        let refusal = Refusal::read(body.as_bytes());
        ProviderError::status(stage, "h", 400, None, &refusal, "").kind
    };
    for body in [
        r#"{"error":{"message":"Text too long: 240 characters.","type":"invalid_request_error"}}"#,
        r#"{"detail":[{"type":"string_too_long","loc":["body","input"],"msg":"String should have at most 200 characters"}]}"#,
        r#"{"message":"The text exceeds the maximum length (240 > 200)"}"#,
        r#"{"error":"input must be fewer than 200 characters"}"#,
    ] {
        assert_eq!(kind(Stage::Tts, body), ErrorKind::TooLong, "{body}");
        assert_eq!(kind(Stage::Stt, body), ErrorKind::Refused, "{body}");
    }
    for body in [
        r#"{"error":{"message":"Invalid input: speed must be less than 2","param":"speed"}}"#,
        r#"{"error":{"message":"Input contains characters that cannot be spoken"}}"#,
        r#"{"detail":[{"loc":["body","instructions"],"msg":"at most 100 characters"}]}"#,
    ] {
        assert_eq!(kind(Stage::Tts, body), ErrorKind::Refused, "{body}");
    }
}
