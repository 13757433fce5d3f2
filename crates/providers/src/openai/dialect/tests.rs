use serde_json::json;

use super::*;

const NEEDED: [&str; 4] = ["messages", "model", "stream", "tools"];

/// A server that returns 200 or refuses in its own words.
fn ask(
    dialect: &mut Dialect,
    fields: &Value,
    server: impl Fn(&Value) -> Option<String>,
) -> Vec<Value> {
    let mut sent = Vec::new();
    loop {
        let mut body = fields.clone();
        dialect.apply(&mut body, &NEEDED);
        sent.push(body.clone());
        let Some(refused) = server(&body) else {
            return sent;
        };
        let refusal = Refusal::read(refused.as_bytes());
        assert!(
            dialect.learn(&refusal, &body, &NEEDED),
            "{refused} {sent:#?}"
        );
        assert!(sent.len() < 10, "{sent:#?}");
    }
}

fn chat() -> Value {
    json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "hello" }],
        "stream": true,
        "stream_options": { "include_usage": true },
        "max_tokens": 80,
        "temperature": 0.2,
        "tools": [{ "type": "function", "function": {
            "name": "look", "strict": false, "parameters": { "type": "object" } } }],
    })
}

#[test]
fn a_refused_field_is_left_out_whatever_the_refusal_looks_like() {
    for refused in [
        r#"{"error":{"message":"no","param":"stream_options"}}"#,
        r#"{"error":"unknown field `stream_options`"}"#,
        r#"{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
        r#"{"detail":"Extra inputs are not permitted: stream_options"}"#,
        r#"{"message":"Unrecognized request argument supplied: stream_options"}"#,
        r#"{"detail":[{"loc":["body","stream_options","include_usage"],"msg":"extra"}]}"#,
        "<html><title>422</title></html>",
    ] {
        let mut dialect = Dialect::default();
        let server = |body: &Value| body.get("stream_options").map(|_| refused.to_owned());
        let sent = ask(&mut dialect, &chat(), server);
        assert_eq!(sent.len(), 2, "{refused}");
        assert_eq!(sent[1]["tools"], chat()["tools"], "{refused}");
        if !refused.starts_with('<') {
            assert_eq!(sent[1]["temperature"], 0.2, "only that field: {refused}");
        }
        // The second request shows that it was remembered.
        assert_eq!(ask(&mut dialect, &chat(), server).len(), 1, "{refused}");
    }
}

#[test]
fn a_field_with_two_names_is_renamed_and_then_left_out() {
    let openai = |body: &Value| {
        body.get("max_tokens").map(|_| {
            json!({ "error": { "param": "max_tokens", "code": "unsupported_parameter",
                    "message": "Unsupported parameter: 'max_tokens' is not supported with this \
                                model. Use 'max_completion_tokens' instead." } })
            .to_string()
        })
    };
    let mut dialect = Dialect::default();
    let sent = ask(&mut dialect, &chat(), openai);
    assert_eq!(
        (sent.len(), &sent[1]["max_completion_tokens"]),
        (2, &json!(80))
    );

    let mut fields = chat();
    fields["max_completion_tokens"] = fields["max_tokens"].take();
    fields.as_object_mut().unwrap().remove("max_tokens");
    let old = |body: &Value| {
        let name = ["max_completion_tokens", "max_tokens"];
        let name = name.into_iter().find(|name| body.get(*name).is_some());
        name.map(|name| format!(r#"{{"detail":"extra field {name}"}}"#))
    };
    let sent = ask(&mut Dialect::default(), &fields, old);
    assert_eq!(sent[1]["max_tokens"], 80);
    assert_eq!(sent.len(), 3);
}

#[test]
fn several_refused_fields_are_found_one_after_the_other() {
    let sent = ask(&mut Dialect::default(), &chat(), |body| {
        let fields = [
            "stream_options",
            "temperature",
            "max_tokens",
            "max_completion_tokens",
        ];
        let found = fields.into_iter().find(|field| body.get(*field).is_some());
        found.map(|field| format!(r#"{{"error":{{"message":"`{field}` is not permitted"}}}}"#))
    });
    assert_eq!(sent.len(), 5);
    assert_eq!(sent[4].as_object().unwrap().len(), NEEDED.len());
}

#[test]
fn the_effort_is_the_quickest_that_is_offered() {
    let mut fields = chat();
    fields["reasoning_effort"] = "none".into();
    for (refused, expected) in [
        (
            r#"{"error":{"param":"reasoning_effort","code":"unsupported_value","message":
               "Unsupported value: 'none'. Supported values are: 'low', 'medium', and 'high'."}}"#,
            json!("low"),
        ),
        (
            r#"{"error":{"message":"unknown field reasoning_effort"}}"#,
            Value::Null,
        ),
    ] {
        let sent = ask(&mut Dialect::default(), &fields, |body| {
            (body["reasoning_effort"] == "none").then(|| refused.to_owned())
        });
        assert_eq!((sent.len(), &sent[1]["reasoning_effort"]), (2, &expected));
    }
    // The field was not sent, and the provider demands it.
    let sent = ask(&mut Dialect::default(), &chat(), |body| {
        (body["reasoning_effort"] != "none").then(|| {
            r#"{"error":{"message":"tools need it","param":"reasoning_effort"}}"#.to_owned()
        })
    });
    assert_eq!(sent[1]["reasoning_effort"], "none");
}

#[test]
fn a_field_deep_in_the_request_is_left_out_everywhere() {
    let body = r#"{"detail":[{"loc":["body","tools",0,"function","strict"],"msg":"extra"}]}"#;
    let sent = ask(&mut Dialect::default(), &chat(), |fields| {
        let function = &fields["tools"][0]["function"];
        function.get("strict").map(|_| body.to_owned())
    });
    assert_eq!(sent[1]["tools"][0]["function"]["name"], "look");
    let mut fields = chat();
    fields["messages"][0]["reasoning_content"] = "hm".into();
    let sent = ask(&mut Dialect::default(), &fields, |body| {
        let found = body["messages"][0].get("reasoning_content");
        found.map(|_| r#"{"error":{"message":"property 'messages.0' : for 'role:user' the property 'reasoning_content' is unsupported"}}"#.into())
    });
    assert_eq!(
        (sent.len(), &sent[1]["messages"][0]["content"]),
        (2, &json!("hello"))
    );
}

#[test]
fn verbose_answers_are_given_up_for_plain_ones() {
    let fields = json!({ "model": "m", "file": "", "response_format": "verbose_json" });
    let sent = ask(&mut Dialect::default(), &fields, |body| {
        (body["response_format"] == "verbose_json").then(|| {
            r#"{"error":"'verbose_json' is not compatible with this model. Use 'json'."}"#.into()
        })
    });
    assert_eq!(sent[1]["response_format"], "json");
}

#[test]
fn how_a_conversation_must_look_is_learned() {
    let learn = |message: &str| {
        let mut dialect = Dialect::default();
        let refusal = Refusal::read(json!({ "error": message }).to_string().as_bytes());
        assert!(dialect.learn(&refusal, &chat(), &NEEDED));
        assert!(!dialect.is_bare, "{message}");
        dialect.history
    };
    assert!(
        learn("Conversation roles must alternate user/assistant/user/assistant/...").alternates
    );
    assert!(learn("Expected last role User or Tool but got assistant").alternates);
    assert!(learn("System role not supported").has_no_system);
    let nine = "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.";
    assert!(learn(nine).has_short_ids);
}

#[test]
fn asking_ends_also_when_nothing_helps() {
    for refused in [
        r#"{"error":{"message":"model, messages, stream and temperature are all wrong"}}"#,
        r#"{"error":{"message":"no","param":"reasoning_effort"}}"#,
        "",
    ] {
        let (mut dialect, refusal) = (Dialect::default(), Refusal::read(refused.as_bytes()));
        let mut asked = 0;
        loop {
            let mut body = chat();
            dialect.apply(&mut body, &NEEDED);
            for name in NEEDED {
                assert!(body.get(name).is_some(), "{name} is needed");
            }
            asked += 1;
            if !dialect.learn(&refusal, &body, &NEEDED) {
                break;
            }
        }
        assert!(asked < 8, "{asked} {refused}");
    }
}

#[test]
fn what_helped_one_call_is_known_to_all() {
    let shelf = Dialects::default();
    let key = (Stage::Llm, "https://x/v1".to_owned(), "m".to_owned());
    let mut dialect = shelf.of(&key);
    let refusal = Refusal::read(br#"{"error":"stream_options?"}"#);
    assert!(dialect.learn(&refusal, &chat(), &NEEDED));
    shelf.clone().learned(&key, |known| known.adopt(&dialect));
    let mut body = chat();
    shelf.of(&key).apply(&mut body, &NEEDED);
    assert_eq!(body.get("stream_options"), None);
    let other = (Stage::Llm, "https://x/v1".to_owned(), "n".to_owned());
    assert_eq!(shelf.of(&other), Dialect::default());
}

#[test]
fn a_bare_request_may_have_helped_by_chance_so_whole_ones_are_tried_again() {
    let mut known = Dialect::default();
    let mut tried = known.clone();
    let nothing = Refusal::read(b"odd");
    assert!(!known.is_to_try_whole());
    assert!(tried.learn(&nothing, &chat(), &NEEDED));
    known.adopt(&tried);
    let bare_ones = |known: &mut Dialect| (0..).take_while(|_| !known.is_to_try_whole()).count();
    let is_bare = |dialect: &Dialect| {
        let mut body = chat();
        dialect.apply(&mut body, &NEEDED);
        body != chat()
    };
    assert!(is_bare(&known) && !is_bare(&known.clone().whole()));
    // each that is refused makes the next one rarer
    assert_eq!([(); 3].map(|()| bare_ones(&mut known)), [8, 16, 32]);
    assert!(is_bare(&known));
    known.is_whole_again();
    assert!(!is_bare(&known) && !known.is_to_try_whole());
}

#[test]
fn a_lone_end_of_a_thought_holds_no_answers_for_good() {
    let mut dialect = Dialect::default();
    assert_eq!(dialect.opening(), Opening::Unknown);
    // of a provider that is not known it is believed at once, until an answer begins plainly
    dialect.began(Beginning::InThought);
    assert_eq!(dialect.opening(), Opening::Thought);
    dialect.began(Beginning::Plain);
    assert_eq!(dialect.opening(), Opening::Plain);
    // then the second in a row is
    dialect.began(Beginning::InThought);
    assert_eq!(dialect.opening(), Opening::Plain);
    dialect.began(Beginning::Plain);
    dialect.began(Beginning::InThought);
    assert_eq!(dialect.opening(), Opening::Plain);
    dialect.began(Beginning::InThought);
    assert_eq!(dialect.opening(), Opening::Thought);
}

#[test]
fn calls_of_other_models_get_a_signature_where_one_is_missed() {
    let mut dialect = Dialect::default();
    let message = "Function call is missing a thought_signature in functionCall parts.";
    let refusal = Refusal::read(
        json!({ "error": { "message": message } })
            .to_string()
            .as_bytes(),
    );
    assert!(dialect.learn(&refusal, &chat(), &NEEDED));
    assert!(dialect.history().needs_signatures);
    let mut body = chat();
    dialect.apply(&mut body, &NEEDED);
    assert_eq!(body, chat());
}
