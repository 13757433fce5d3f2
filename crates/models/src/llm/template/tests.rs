use serde_json::json;

use super::*;
use crate::llm::Call;

/// The text as the model reads it.
fn read(messages: &[Message], tools: &[Tool], reply: bool) -> String {
    let pieces = render(messages, tools, reply).into_iter();
    let text = pieces.map(|piece| match piece {
        Piece::Text(text) => text,
        Piece::Control(Control::Start) => "[".into(),
        Piece::Control(Control::End) => "]".into(),
        Piece::Control(Control::Call) => "<call>".into(),
        Piece::Control(Control::CallEnd) => "</call>".into(),
    });
    text.collect()
}

fn find() -> Tool {
    Tool {
        name: "find".into(),
        description: "Free \"times\".".into(),
        parameters: json!({"type": "object", "required": ["day"], "properties": {
            "day": {"description": "Day", "type": "string"}}}),
    }
}

#[test]
fn a_conversation_is_written_as_the_model_was_taught() {
    let called = Message {
        calls: vec![
            Call {
                name: "find".into(),
                arguments: json!({"day": "Monday", "at": [1, 2]}),
            },
            Call {
                name: "find".into(),
                arguments: json!({}),
            },
        ],
        ..Message::new(Role::Assistant, "Let me look.")
    };
    let messages = [
        Message::new(Role::System, "Be kind."),
        Message::new(Role::User, "A table?"),
        called,
        Message::new(Role::Tool, "seven"),
        Message::new(Role::Tool, "nothing"),
        Message::new(Role::Assistant, "At seven."),
    ];
    let text = read(&messages[..], &[], true);
    assert_eq!(
        text,
        "[system\nBe kind.]\n[user\nA table?]\n[assistant\nLet me look.\n<call>\n{\"name\": \
         \"find\", \"arguments\": {\"at\": [1, 2], \"day\": \"Monday\"}}\n</call>\n<call>\n{\"name\": \
         \"find\", \"arguments\": {}}\n</call>]\n[user\n<tool_response>\nseven\n</tool_response>\n\
         <tool_response>\nnothing\n</tool_response>]\n[assistant\nAt seven.]\n[assistant\n"
    );
}

#[test]
fn tools_stand_behind_the_prompt() {
    let messages = [Message::new(Role::System, "Be kind.")];
    let text = read(&messages, &[find()], false);
    assert!(
        text.starts_with("[system\nBe kind.\n\n# Tools\n\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "<tools>\n{\"type\": \"function\", \"function\": {\"name\": \"find\", \"description\": \
             \"Free \\\"times\\\".\", \"parameters\": {\"type\": \"object\", \"properties\": \
             {\"day\": {\"type\": \"string\", \"description\": \"Day\"}}, \"required\": \
             [\"day\"]}}}\n</tools>"
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "within <call></call> XML tags:\n<call>\n{\"name\": <function-name>, \"arguments\": \
             <args-json-object>}\n</call>]\n"
        ),
        "{text}"
    );
    // what was read of the prompt before remains useful
    let plain = render(&messages, &[], false);
    assert_eq!(render(&messages, &[find()], false)[..3], plain[..3]);
    assert!(read(&[], &[find()], true).starts_with("[system\n# Tools"));
}
