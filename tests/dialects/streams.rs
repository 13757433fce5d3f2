//! How answers are streamed.

use sidetone_testkit::fake_openai::{
    Answer, Dialect, Endpoint, Strict, Style, THOUGHT, ToolCall as Call,
};

use super::*;

/// "Let me look.", and two calls.
fn two_calls() -> Answer {
    let call = |id: &str, day: &str| Call {
        id: id.into(),
        name: "look".into(),
        arguments: json!({ "day": day }).to_string(),
    };
    Answer {
        text: "Let me look.".into(),
        tool_calls: vec![call("call_a", "Friday"), call("call_b", "Sunday")],
        ..Answer::default()
    }
}

fn days(came: &Came) -> Vec<Value> {
    let calls = came.calls.iter();
    calls
        .map(|call| serde_json::from_str(&call.arguments).unwrap())
        .collect()
}

#[tokio::test]
async fn two_calls_are_two_calls_however_they_are_streamed() {
    for dialect in Dialect::OF_CALLS {
        let stand = stand().await;
        stand.fake.speak(dialect);
        stand.fake.script_answer(two_calls());
        let came = stand.ask(vec![prompt(), said("A table?")]).await;
        assert_eq!(came.error, None, "{dialect:?}");
        assert_eq!(came.text, "Let me look.", "{dialect:?}");
        assert_eq!(
            days(&came),
            [friday(), json!({ "day": "Sunday" })],
            "{dialect:?}"
        );
        let names: Vec<&str> = came.calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["look", "look"], "{dialect:?}");
        assert!(!came.calls[0].id.is_empty() && came.calls[0].id != came.calls[1].id);
        // The strictest server accepts the conversation that follows.
        stand.fake.speak(Dialect::OpenAi);
        stand
            .fake
            .refuse(Endpoint::Chat, Strict::WholeCalls, Style::OpenAi);
        stand.fake.script_answer("Noon is free.");
        assert_eq!(
            stand.go_on(&came).await.text,
            "Noon is free.",
            "{dialect:?}"
        );
        let requests = stand.fake.requests();
        let asked = &requests.last().unwrap().body["messages"][2];
        assert_eq!(
            asked["content"], "Let me look.",
            "a round keeps its text: {dialect:?}"
        );
    }
}

#[tokio::test]
async fn a_function_call_of_old_is_a_call() {
    let stand = stand().await;
    stand.fake.speak(Dialect::LegacyFunctionCall);
    stand.fake.script_answer(two_calls());
    assert_eq!(days(&stand.time().await), [friday()]);
}

#[tokio::test]
async fn thoughts_are_never_said() {
    for dialect in [
        Dialect::ThinkTags,
        Dialect::ThinkEnd,
        Dialect::ReasoningContent,
        Dialect::Reasoning,
    ] {
        let stand = stand().await;
        stand.fake.speak(dialect);
        for _ in 0..2 {
            stand.fake.script_answer("It is noon.");
            assert_eq!(stand.time().await.text, "It is noon.", "{dialect:?}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_begins_in_its_thoughts_is_known_after_the_first() {
    let stand = stand().await;
    let event = |text: &str| {
        let event = json!({ "choices": [{ "delta": { "content": text } }] });
        format!("data: {event}\n\n")
    };
    for _ in 0..2 {
        let answer = ["Noon it must be.", " Sure.", "</think>\n\n", "It is noon."].map(event);
        let end = "data: [DONE]\n\n".to_owned();
        stand
            .fake
            .script_answer(Answer::raw(answer.into_iter().chain([end])));
    }
    assert_eq!(
        stand.time().await.text,
        "Noon it must be. Sure.\n\nIt is noon."
    );
    assert_eq!(stand.time().await.text, "It is noon.");
}

#[tokio::test]
async fn thoughts_that_led_to_a_call_go_back_with_it() {
    let stand = stand().await;
    stand.fake.speak(Dialect::ReasoningContent);
    stand.fake.script_answer(two_calls());
    let came = stand.time().await;
    assert_eq!(came.opaque["reasoning_content"], THOUGHT);
    stand.go_on(&came).await;
    let messages = &stand.fake.requests()[1].body["messages"];
    assert_eq!(messages[2]["reasoning_content"], THOUGHT);
    // A server that refuses them is asked without them, and the next time right away.
    let rule = Strict::WholeCalls;
    stand.fake.refuse(Endpoint::Chat, rule, Style::OpenAi);
    assert_eq!(stand.go_on(&came).await.error, None);
}

#[tokio::test]
async fn calls_that_leak_into_the_text_are_called_and_not_said() {
    for dialect in Dialect::LEAKING {
        let stand = stand().await;
        stand.fake.speak(dialect);
        let answer = Answer {
            text: "Let me look. ".into(),
            ..Answer::tool_call("call_a", "look", &friday())
        };
        stand.fake.script_answer(answer);
        let came = stand.time().await;
        assert_eq!(came.text.trim(), "Let me look.", "{dialect:?}");
        assert_eq!(days(&came), [friday()], "{dialect:?}");
        assert_eq!(came.calls[0].name, "look");
    }
}

#[tokio::test]
async fn signatures_of_a_call_travel_back() {
    let stand = stand().await;
    stand.fake.speak(Dialect::ThoughtSignature);
    stand
        .fake
        .refuse(Endpoint::Chat, Strict::ThoughtSignature, Style::OpenAi);
    stand.fake.script_answer(two_calls());
    let came = stand.time().await;
    stand.fake.script_answer("Noon is free.");
    let next = stand.go_on(&came).await;
    assert_eq!((next.text.as_str(), next.error), ("Noon is free.", None));
    assert_eq!(stand.fake.requests().len(), 2);
}

#[tokio::test]
async fn arguments_that_are_cut_off_poison_nothing() {
    let stand = stand().await;
    stand
        .fake
        .refuse(Endpoint::Chat, Strict::WholeCalls, Style::OpenAi);
    let cut = Call {
        id: "call_a".into(),
        name: "look".into(),
        arguments: r#"{"day": "Fri"#.into(),
    };
    stand.fake.script_answer(Answer {
        tool_calls: vec![cut],
        ..Answer::default()
    });
    let came = stand.time().await;
    // Whoever runs the tool tells the model that these are not valid arguments.
    assert_eq!(came.calls[0].arguments, r#"{"day": "Fri"#);
    for _ in 0..2 {
        stand.fake.script_answer("I could not look.");
        assert_eq!(stand.go_on(&came).await.text, "I could not look.");
    }
    let sent = &stand.fake.requests()[1].body["messages"][2]["tool_calls"][0];
    assert_eq!(sent["function"]["arguments"], "{}");
}

#[tokio::test]
async fn usage_comes_once() {
    for dialect in [Dialect::OpenAi, Dialect::Noisy, Dialect::NotStreamed] {
        let stand = stand().await;
        stand.fake.speak(dialect);
        assert_eq!(stand.time().await.usage.len(), 1, "{dialect:?}");
    }
}

#[tokio::test]
async fn an_answer_need_not_be_a_stream_of_ours() {
    let whole = r#"{"choices":[{"message":{"content":"It is noon."},"finish_reason":"stop"}]}"#;
    let parts: Vec<String> = [
        "data: {\"choices\":[{\"delta\":{\"content\":\"It is ",
        "n",
        "oon.\"}}]}",
    ]
    .map(str::to_owned)
    .into();
    let cut_umlaut =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Zürich\"}}]}\n\ndata: [DONE]\n\n";
    for (pieces, expected) in [
        (vec![whole[..20].to_owned(), whole[20..].to_owned()], "It is noon."),
        // No empty line, and no end: only a finish reason.
        (
            [parts, vec!["\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}".into()]].concat(),
            "It is noon.",
        ),
        (vec![cut_umlaut.to_owned()], "Zürich"),
        (
            vec!["data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: not json\n\n<html>".into()],
            "Hi",
        ),
    ] {
        let stand = stand().await;
        stand.fake.script_answer(Answer::raw(pieces.clone()));
        let came = stand.time().await;
        assert_eq!((came.text.as_str(), came.error), (expected, None), "{pieces:?}");
    }
}

#[tokio::test]
async fn errors_within_a_stream_are_reported() {
    for (error, fault) in [
        (r#"{"error":"upstream is overloaded"}"#, Fault::Sick),
        (
            r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#,
            Fault::TooLong,
        ),
        (
            r#"{"error":{"message":"slow down","type":"rate_limit_exceeded"}}"#,
            Fault::Limited,
        ),
    ] {
        let stand = stand().await;
        for _ in 0..5 {
            stand
                .fake
                .script_answer(Answer::raw([format!("data: {error}\n\n")]));
        }
        let came = stand.time().await;
        let told = came.error.unwrap();
        assert_eq!(told.fault, fault, "{error}");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_mark_is_one_answer() {
    let event = |text: &str| {
        let event = json!({ "choices": [{ "delta": { "content": text } }] });
        format!("data: {event}\n\n")
    };
    let unmarked = || Answer::raw(["It is", " noon."].map(event));
    let stand = stand().await;
    for requests in [1, 2] {
        stand.fake.script_answer(unmarked());
        let came = stand.time().await;
        assert_eq!((came.text.as_str(), came.error), ("It is noon.", None));
        assert_eq!(stand.fake.requests().len(), requests);
    }
    // Once a server has told an end, an answer without one broke off, and goes on.
    stand.fake.script_answer("It is noon.");
    stand.time().await;
    stand.fake.script_answer(unmarked());
    stand.fake.script_answer(" Sharp.");
    let came = stand.time().await;
    assert_eq!(
        (came.text.as_str(), came.error),
        ("It is noon. Sharp.", None)
    );
    assert_eq!(stand.fake.requests().len(), 5);
}
