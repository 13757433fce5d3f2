//! A conversation as the strictest server takes it. PURE.
//!
//! Arguments are JSON objects, each call is followed by its result and no result stands alone, ids
//! are there and different, nobody says nothing, and the same speaker's messages that follow each
//! other are one. System messages stand at the beginning only: later ones are said by the user.

use serde_json::Value;

use super::super::dialect::History;
use super::{Message, Role};

/// Said by the user where a server wants the user to begin, or to have the last word.
const BEGINS: &str = "(The caller is on the line.)";
const GOES_ON: &str = "(Go on.)";
/// Said by the assistant where a server wants it to speak between a tool's result and the user.
const SAID_NOTHING: &str = "(…)";
/// For a call whose result is missing.
const NO_RESULT: &str = "no result";
/// Longest name of a tool.
const NAME: usize = 64;

/// The messages, so that every server takes them, and one with these demands.
pub(super) fn arranged(messages: Vec<Message>, demands: History) -> Vec<Message> {
    let mut out: Vec<Message> = Vec::new();
    let mut ids = Vec::new();
    let mut messages = messages.into_iter().peekable();
    let mut has_begun = false;
    while let Some(mut message) = messages.next() {
        match message.role {
            // A result whose call is not there; the others are taken with their calls.
            Role::Tool => continue,
            Role::System if has_begun => message.role = Role::User,
            Role::System => {}
            Role::User | Role::Assistant => has_begun = true,
        }
        if demands.is_plain {
            message.opaque.clear();
        }
        if message.calls.is_empty() {
            push(&mut out, message);
            continue;
        }
        let mut results = Vec::new();
        while let Some(result) = messages.next_if(|next| next.role == Role::Tool) {
            results.push(result);
        }
        let mut answers = Vec::new();
        for (number, call) in message.calls.iter_mut().enumerate() {
            let found = results.iter().position(|result| result.answers == call.id);
            // Results that lost their id answer in their order.
            let found = found.or_else(|| results.iter().position(|r| r.answers.is_empty()));
            let text = found.map(|at| results.remove(at).text);
            call.id = id(&call.id, demands, &mut ids, number);
            call.name = name(&call.name);
            call.arguments = object(&call.arguments);
            if demands.is_plain {
                call.opaque.clear();
            }
            let text = text.filter(|text| !text.trim().is_empty());
            answers.push(Message {
                answers: call.id.clone(),
                ..Message::new(Role::Tool, text.unwrap_or_else(|| NO_RESULT.to_owned()))
            });
        }
        push(&mut out, message);
        out.extend(answers);
    }
    // A prompt alone may be read ahead, and nobody answers it.
    if out.last().is_some_and(|last| last.role == Role::Assistant) {
        push(&mut out, Message::new(Role::User, GOES_ON));
    }
    if demands.has_no_system {
        let is_system = |message: &mut Message| message.role == Role::System;
        let prompt: Vec<String> = out.extract_if(.., is_system).map(|m| m.text).collect();
        if !prompt.is_empty() {
            out.insert(0, Message::new(Role::User, prompt.join("\n\n")));
            out = merged(out);
        }
    }
    if demands.alternates {
        let first = out.iter().position(|message| message.role != Role::System);
        if let Some(at) = first.filter(|at| out[*at].role == Role::Assistant) {
            out.insert(at, Message::new(Role::User, BEGINS));
        }
        let is_broken = |pair: &[Message]| pair[0].role == Role::Tool && pair[1].role == Role::User;
        while let Some(at) = out.windows(2).position(is_broken) {
            out.insert(at + 1, Message::new(Role::Assistant, SAID_NOTHING));
        }
    }
    out
}

/// Adds a message, or its words to the one before where that is of the same speaker.
fn push(out: &mut Vec<Message>, message: Message) {
    let is_empty = message.text.trim().is_empty() && message.calls.is_empty();
    if is_empty {
        return;
    }
    match out.last_mut() {
        Some(last)
            if last.role == message.role && last.calls.is_empty() && last.role != Role::Tool =>
        {
            if !last.text.is_empty() && !message.text.is_empty() {
                last.text.push_str(if last.role == Role::System {
                    "\n\n"
                } else {
                    "\n"
                });
            }
            last.text.push_str(&message.text);
            last.calls = message.calls;
            last.opaque.extend(message.opaque);
        }
        _ => out.push(message),
    }
}

fn merged(messages: Vec<Message>) -> Vec<Message> {
    let mut out = Vec::new();
    for message in messages {
        match message.role {
            Role::Tool => out.push(message),
            _ => push(&mut out, message),
        }
    }
    out
}

/// An id that no other call has; it depends on nothing but the conversation, whose beginning the
/// provider may know by heart.
fn id(id: &str, demands: History, taken: &mut Vec<String>, number: usize) -> String {
    let mut made = match id {
        "" => format!("call{:05}", taken.len()),
        id if demands.has_short_ids => short(id),
        id => id.to_owned(),
    };
    let mut again = number + 1;
    while taken.contains(&made) {
        again += 1;
        made = match demands.has_short_ids {
            true => short(&format!("{id}{again}")),
            false => format!("{id}_{again}"),
        };
    }
    taken.push(made.clone());
    made
}

/// Nine letters and digits, of any id.
fn short(id: &str) -> String {
    let is_short = id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_short {
        return id.to_owned();
    }
    // FNV-1a: the same for the same id in every process.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:09x}", hash >> 28)
}

/// Letters, digits, "_" and "-", 64 at most.
pub(super) fn name(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let name: String = name
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .take(NAME)
        .collect();
    if name.is_empty() { "_".into() } else { name }
}

/// Arguments that are none are an empty object: the tool's result says that they were no JSON.
fn object(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(_)) => arguments.to_owned(),
        _ => "{}".into(),
    }
}

#[cfg(test)]
mod tests {
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
            let demands = History { alternates, has_no_system, has_short_ids, is_plain: false };
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
}
