use super::super::ToolCall;
use super::*;
use proptest::prelude::*;

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: "look".into(),
        arguments: arguments.into(),
        ..ToolCall::default()
    }
}

fn calls(text: &str, calls: Vec<ToolCall>) -> Message {
    Message {
        calls,
        ..Message::new(Role::Assistant, text)
    }
}

fn result(id: &str, text: &str) -> Message {
    Message {
        answers: id.into(),
        ..Message::new(Role::Tool, text)
    }
}

fn shown(messages: Vec<Message>, demands: History) -> Vec<String> {
    let shown = arranged(messages, demands).into_iter().map(|message| {
        let calls: Vec<String> = message
            .calls
            .iter()
            .map(|call| format!(" {}({})", call.id, call.arguments))
            .collect();
        let Message {
            role,
            text,
            answers,
            ..
        } = message;
        format!("{role:?} {text}{}{answers}", calls.concat())
    });
    shown.collect()
}

#[test]
fn each_call_has_its_result_and_each_result_its_call() {
    let messages = vec![
        Message::new(Role::System, "Be kind."),
        result("lost", "nobody asked"),
        Message::new(Role::User, "Tables?"),
        calls(
            "Let me look.",
            vec![
                call("a", r#"{"day": "Fri"#),
                call("", "[1]"),
                call("a", "{}"),
            ],
        ),
        result("a", "the arguments are no JSON"),
        result("other", "nobody asked"),
        Message::new(Role::Assistant, ""),
        Message::new(Role::Assistant, "Two are free."),
        Message::new(Role::User, "And now?"),
    ];
    assert_eq!(
        shown(messages, History::default()),
        [
            "System Be kind.",
            "User Tables?",
            "Assistant Let me look. a({}) call00001({}) a_4({})",
            "Tool the arguments are no JSONa",
            "Tool no resultcall00001",
            "Tool no resulta_4",
            "Assistant Two are free.",
            "User And now?",
        ]
    );
}

#[test]
fn who_speaks_twice_speaks_once_and_the_user_has_the_last_word() {
    let messages = vec![
        Message::new(Role::System, "Be kind."),
        Message::new(Role::System, "The caller is Ada."),
        Message::new(Role::Assistant, "Hello!"),
        Message::new(Role::User, "I want"),
        Message::new(Role::User, "tea."),
        Message::new(Role::Assistant, "Tea it"),
        Message::new(Role::System, "Go on."),
    ];
    let alternating = History {
        alternates: true,
        ..History::default()
    };
    assert_eq!(
        shown(messages.clone(), History::default()),
        [
            "System Be kind.\n\nThe caller is Ada.",
            "Assistant Hello!",
            "User I want\ntea.",
            "Assistant Tea it",
            "User Go on.",
        ]
    );
    assert_eq!(
        shown(messages.clone(), alternating)[1],
        format!("User {BEGINS}")
    );
    let none = History {
        has_no_system: true,
        ..alternating
    };
    assert_eq!(
        shown(messages, none)[..2],
        ["User Be kind.\n\nThe caller is Ada.", "Assistant Hello!"]
    );
    let unanswered = vec![Message::new(Role::Assistant, "Hello!")];
    assert_eq!(
        shown(unanswered, History::default())[1],
        format!("User {GOES_ON}")
    );
}

#[test]
fn short_ids_are_nine_letters_and_digits_and_the_same_each_time() {
    let demands = History {
        has_short_ids: true,
        ..History::default()
    };
    let messages = vec![
        Message::new(Role::User, "?"),
        calls(
            "",
            vec![call("call_very-long", "{}"), call("abcdefgh1", "{}")],
        ),
        Message::new(Role::User, "!"),
    ];
    let all = arranged(messages.clone(), demands);
    for call in &all[1].calls {
        assert!(call.id.len() == 9 && call.id.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
    assert_eq!(all[1].calls[1].id, "abcdefgh1");
    assert!(all == arranged(messages, demands));
}

fn any_message() -> impl Strategy<Value = Message> {
    let id = || prop::sample::select(vec!["", "a", "b", "c"]);
    let text = prop::sample::select(vec!["", " ", "Yes.", "No."]);
    let arguments = prop::sample::select(vec!["", "{}", "{\"a\":1}", "{\"a", "null", "[]"]);
    let a_call = (id(), arguments);
    let a_call = a_call.prop_map(|(id, arguments): (&str, &str)| call(id, arguments));
    (0usize..4, text, id(), prop::collection::vec(a_call, 0..3)).prop_map(
        |(role, text, id, calls): (usize, &str, &str, Vec<ToolCall>)| {
            let role = [Role::System, Role::User, Role::Assistant, Role::Tool][role];
            let calls = if role == Role::Assistant {
                calls
            } else {
                Vec::new()
            };
            let answers = if role == Role::Tool { id } else { "" };
            Message {
                calls,
                answers: answers.into(),
                ..Message::new(role, text)
            }
        },
    )
}

proptest! {
    #[test]
    fn any_conversation_becomes_one_that_the_strictest_server_takes(
        messages in prop::collection::vec(any_message(), 0..20),
        alternates in any::<bool>(), has_no_system in any::<bool>(), has_short_ids in any::<bool>(),
    ) {
        let demands = History { alternates, has_no_system, has_short_ids, ..History::default() };
        let out = arranged(messages, demands);
        let mut ids: Vec<&str> = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        let mut last: Option<Role> = None;
        for message in &out {
            match message.role {
                Role::System => prop_assert!(last.is_none() && !has_no_system),
                Role::Tool => {
                    let at = open.iter().position(|id| *id == message.answers);
                    prop_assert!(at.is_some());
                    open.remove(at.unwrap());
                }
                Role::User | Role::Assistant => {
                    prop_assert!(open.is_empty() && last != Some(message.role));
                    let begins = last.is_none() || last == Some(Role::System);
                    prop_assert!(!alternates || !begins || message.role == Role::User);
                    let after_tool = last == Some(Role::Tool);
                    prop_assert!(!alternates || !after_tool || message.role == Role::Assistant);
                }
            }
            prop_assert!(!message.text.trim().is_empty() || !message.calls.is_empty());
            for call in &message.calls {
                prop_assert!(!call.id.is_empty() && !ids.contains(&call.id.as_str()));
                ids.push(&call.id);
                open.push(&call.id);
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
                prop_assert!(arguments.is_object());
            }
            last = Some(message.role);
        }
        prop_assert!(open.is_empty() && last != Some(Role::Assistant));
    }
}

#[test]
fn a_call_without_a_signature_gets_one_where_each_needs_it() {
    let demands = History {
        needs_signatures: true,
        ..History::default()
    };
    let own = json!({ "google": { "thought_signature": "own" } });
    let mut signed = call("b", "{}");
    signed.opaque.insert("extra_content".into(), own.clone());
    let asked = calls("", vec![call("a", "{}"), signed]);
    let messages = vec![Message::new(Role::User, "Look."), asked];
    let arranged = arranged(messages, demands);
    let calls = arranged.iter().flat_map(|message| &message.calls);
    let signatures: Vec<&Value> = calls.map(|call| &call.opaque["extra_content"]).collect();
    let stand_in = json!({ "google": { "thought_signature": UNSIGNED } });
    assert_eq!(signatures, [&stand_in, &own]);
}
