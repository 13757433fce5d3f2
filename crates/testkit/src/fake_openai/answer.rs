//! The fake model's answers, for every protocol.

use serde_json::Value;

/// An answer of the fake model: words, or tool calls, or both.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The words. Each is sent as one token, with the space before it.
    pub text: String,
    /// The calls, after the words.
    pub tool_calls: Vec<ToolCall>,
    /// Sent in place of all that: events as they are, or a JSON body.
    pub raw: Vec<String>,
}

/// A tool call. Its arguments are sent in two pieces, as real models do.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// The call's id, which the result names.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, as JSON text.
    pub arguments: String,
}

impl Answer {
    /// Only words.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// These bytes, one after the other, and nothing else.
    pub fn raw(pieces: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            raw: pieces.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Only one call.
    pub fn tool_call(id: &str, name: &str, arguments: &Value) -> Self {
        let call = ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.to_string(),
        };
        Self {
            tool_calls: vec![call],
            ..Self::default()
        }
    }
}

/// Words, each with the white space before it.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut in_word = false;
    for c in text.chars() {
        if c.is_whitespace() && in_word {
            tokens.push(String::new());
        }
        in_word = !c.is_whitespace();
        if let Some(token) = tokens.last_mut() {
            token.push(c);
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}
