use super::*;
use crate::providers::ToolCall;

fn round(text: &str, calls: Vec<ToolCall>) -> Round {
    Round {
        text: text.into(),
        calls,
        ..Round::default()
    }
}

fn call(id: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: "look".into(),
        arguments: "{}".into(),
        ..ToolCall::default()
    }
}

/// Role and words, and the number of tool calls if there are any.
fn shown_messages(chat: &Chat) -> Vec<String> {
    let messages = chat.messages(None, "Well?").into_iter().skip(1);
    messages
        .map(|m| {
            let calls = match m.calls.len() {
                0 => String::new(),
                calls => format!(" +{calls}"),
            };
            format!("{:?} {}{calls}", m.role, m.text)
        })
        .collect()
}

#[test]
fn words_heard_before_a_tool_stand_with_its_call_and_only_there() {
    let mut chat = Chat::new("Be kind.".into());
    chat.user(TurnId(1), "A table?");
    chat.agent(ReplyId(1), "Let me look.");
    chat.tools_started(ReplyId(1), round("Let me look. ", vec![call("1")]));
    chat.agent(ReplyId(1), "Let me look. One more. It is free,");
    chat.tools_started(ReplyId(1), round("One more.", vec![call("2")]));
    assert_eq!(
        shown_messages(&chat),
        [
            "User A table?",
            "Assistant Let me look. +1",
            &format!("Tool {RUNNING}"),
            "Assistant One more. +1",
            &format!("Tool {RUNNING}"),
            "Assistant It is free,",
            "User Well?",
        ]
    );
}

#[test]
fn only_heard_words_stand_before_a_tool_call() {
    for (heard, with_call, after) in [
        ("", "Assistant  +1", None),
        ("Let me", "Assistant Let me +1", None),
        ("Let us see.", "Assistant Let +1", Some("Assistant us see.")),
        (
            "One moment. Let me look.",
            "Assistant  +1",
            Some("Assistant One moment. Let me look."),
        ),
    ] {
        let mut chat = Chat::new("Be kind.".into());
        chat.tools_started(ReplyId(1), round("Let me look.", vec![call("1")]));
        chat.agent(ReplyId(1), heard);
        let shown = shown_messages(&chat);
        assert_eq!(shown[0], with_call, "{heard}");
        let rest = after.map_or("User Well?", |words| words);
        assert_eq!(shown[2], rest, "{heard}");
    }
}

#[test]
fn opaque_fields_travel_back_with_words_and_calls() {
    let mut chat = Chat::new("Be kind.".into());
    let opaque = |text: &str| Opaque::from_iter([("signature".to_owned(), text.into())]);
    let signed = ToolCall {
        opaque: opaque("call"),
        ..call("1")
    };
    let asked = Round {
        opaque: opaque("round"),
        ..round("", vec![signed])
    };
    chat.tools_started(ReplyId(1), asked);
    chat.opaque(ReplyId(1), opaque("answer"));
    chat.agent(ReplyId(1), "It is free.");
    let messages = chat.messages(None, "Well?");
    assert_eq!(messages[1].opaque, opaque("round"));
    assert_eq!(messages[1].calls[0].opaque, opaque("call"));
    assert_eq!(messages[3].opaque, opaque("answer"));
    chat.forget_opaque();
    let messages = chat.messages(None, "Well?");
    let left = messages.iter().any(|m| !m.opaque.is_empty());
    assert!(!left && messages[1].calls[0].opaque.is_empty());
}

#[test]
fn a_summary_takes_the_place_of_the_oldest_turns() {
    let mut chat = Chat::new("Be kind.".into());
    for turn in 1..=4 {
        chat.user(TurnId(turn), &format!("Question {turn}"));
        if turn == 2 {
            chat.tools_started(ReplyId(turn), round("", vec![call("1")]));
        }
        chat.agent(ReplyId(turn), &format!("Answer {turn}"));
    }
    assert!(chat.oldest(4).is_none() && chat.oldest(9).is_none());
    // A running tool is not summarised, nor anything after it.
    let (items, text) = chat.oldest(1).unwrap();
    assert_eq!(
        (items, text.as_str()),
        (
            3,
            "caller: Question 1\nagent: Answer 1\ncaller: Question 2\n"
        )
    );
    chat.summarised(2, "They asked once.".into());
    let prompt = &chat.messages(None, "Well?")[0];
    assert_eq!(
        prompt.text,
        "Be kind.\n\nWhat was said in this call before:\nThey asked once."
    );
    assert_eq!(shown_messages(&chat)[0], "User Question 2");
}

#[test]
fn tools_stand_before_what_was_heard_of_their_reply() {
    let mut chat = Chat::new("Be kind.".into());
    let call = ToolCall {
        id: "1".into(),
        name: "tables".into(),
        arguments: "{}".into(),
        ..ToolCall::default()
    };
    chat.user(TurnId(1), "A table?");
    chat.agent(ReplyId(1), "One moment.");
    chat.tools_started(ReplyId(1), round("", vec![call.clone()]));
    let show = |chat: &Chat| -> Vec<String> {
        let messages = chat.messages(None, "Well?").into_iter();
        messages
            .map(|m| format!("{:?} {}{}", m.role, m.text, m.calls.len()))
            .collect()
    };
    let expected = |result: &str, system: &str| {
        [
            format!("System Be kind.{system}0"),
            "User A table?0".into(),
            "Assistant 1".into(),
            format!("Tool {result}0"),
            "Assistant One moment.0".into(),
            "User Well?0".into(),
        ]
    };
    assert_eq!(show(&chat), expected(RUNNING, ""));
    chat.tools_finished(
        ReplyId(1),
        &[ToolRun {
            written: call.arguments.clone(),
            arguments: serde_json::json!({}),
            call,
            agent: String::new(),
            result: Err("full".into()),
            started_at: sidetone_base::clock::now(),
            took: std::time::Duration::ZERO,
        }],
    );
    chat.remember("name", "Ada");
    let noted = "\n\nWhat you have noted in this call:\n- name: Ada";
    assert_eq!(show(&chat), expected("error: full", noted));
}

#[test]
fn holds_what_was_said_and_heard() {
    let mut chat = Chat::new("Be kind.".into());
    chat.agent(ReplyId(1), "Hello,");
    chat.agent(ReplyId(1), "Hello, how");
    chat.agent(ReplyId(2), "");
    chat.user(TurnId(1), "I want");
    let texts = |chat: &Chat, turn, text| -> Vec<String> {
        chat.messages(Some(turn), text)
            .into_iter()
            .map(|message| message.text)
            .collect()
    };
    assert_eq!(
        texts(&chat, TurnId(1), "I want tea"),
        ["Be kind.", "Hello, how", "I want tea"]
    );
    chat.user(TurnId(1), "I want tea please");
    assert_eq!(
        texts(&chat, TurnId(2), "now"),
        ["Be kind.", "Hello, how", "I want tea please", "now"]
    );
}

#[test]
fn a_conversation_goes_on_with_what_was_said_and_done_before() {
    let did = |name: &str, arguments: serde_json::Value, result| Happened::Did {
        name: name.into(),
        arguments,
        result,
    };
    let fact = serde_json::json!({"key": "name", "value": "Ada"});
    let earlier = Earlier::new(
        vec![
            Happened::Asked {
                text: "A table?".into(),
                by: None,
            },
            did("remember", fact, Some(Ok("noted".into()))),
            did("look", serde_json::json!({}), Some(Err("full".into()))),
            did("book", serde_json::json!({"day": 5}), None),
            Happened::Said {
                heard: "On Friday,".into(),
                unfinished: true,
                unasked: false,
            },
        ],
        TurnId(1),
        ReplyId(4),
        std::time::Duration::ZERO,
    );
    let mut chat = Chat::after("Be kind.".into(), &earlier);
    // The next reply has its own tools.
    chat.tools_started(ReplyId(5), round("", vec![call("1")]));
    assert_eq!(
        shown_messages(&chat),
        [
            "User A table?",
            "Assistant  +1",
            "Tool noted",
            "Assistant  +1",
            "Tool error: full",
            "Assistant  +1",
            &format!("Tool {UNKNOWN}"),
            "Assistant On Friday,",
            "Assistant  +1",
            &format!("Tool {RUNNING}"),
            "User Well?",
        ]
    );
    let messages = chat.messages(None, "Well?");
    assert!(messages[0].text.ends_with("\n- name: Ada"));
    let calls: Vec<_> = messages.iter().flat_map(|message| &message.calls).collect();
    let ids: std::collections::BTreeSet<_> = calls.iter().map(|call| &call.id).collect();
    assert_eq!(ids.len(), calls.len());
    assert_eq!(calls[2].arguments, "{\"day\":5}");
}

#[test]
fn names_stand_before_words_once_several_have_spoken() {
    let mut chat = Chat::new("You help.".into());
    chat.speaks(TurnId(1), "Ada".into());
    let said = |chat: &Chat, turn: u64, text: &str| -> Vec<String> {
        let messages = chat.messages(Some(TurnId(turn)), text).into_iter();
        messages.map(|message| message.text).collect()
    };
    assert_eq!(said(&chat, 1, "A table."), ["You help.", "A table."]);
    chat.user(TurnId(1), "A table.");
    chat.speaks(TurnId(2), "Ada".into());
    assert_eq!(
        said(&chat, 2, "Please."),
        ["You help.", "A table.", "Please."]
    );
    // Bob coughs: nothing was said.
    chat.speaks(TurnId(2), "Bob".into());
    chat.speaks(TurnId(3), "Ada".into());
    assert_eq!(said(&chat, 3, "Please.")[1..], ["A table.", "Please."]);
    chat.speaks(TurnId(4), "Bob".into());
    let messages = said(&chat, 4, "For three.");
    assert!(messages[0].contains("Several people"), "{messages:?}");
    assert_eq!(messages[1..], ["Ada: A table.", "Bob: For three."]);
    chat.user(TurnId(4), "For three.");
    chat.speaks(TurnId(5), "Ada".into());
    assert_eq!(
        said(&chat, 5, "Thanks.")[1..],
        ["Ada: A table.", "Bob: For three.", "Ada: Thanks."]
    );
    let (_, notes) = chat.oldest(1).unwrap();
    assert_eq!(notes, "Ada: A table.\n");
}
