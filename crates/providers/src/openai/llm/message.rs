//! The parts of a conversation with a model, for every protocol.

#[cfg(doc)]
use super::Delta;
use super::{Opaque, ToolCall};

/// One message of the model's context.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// The speaker.
    pub role: Role,
    /// The words.
    pub text: String,
    /// The tools that an assistant's message calls.
    pub calls: Vec<ToolCall>,
    /// For an assistant's message: see [`Delta::Opaque`].
    pub opaque: Opaque,
    /// For a tool's message: the id of the call that it answers.
    pub answers: String,
}

impl Message {
    /// A message of words.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
            calls: Vec::new(),
            opaque: Opaque::new(),
            answers: String::new(),
        }
    }

    /// The model said `text` and called tools.
    pub fn calls(text: impl Into<String>, calls: Vec<ToolCall>) -> Self {
        Self {
            calls,
            ..Self::new(Role::Assistant, text)
        }
    }

    /// Removes what only one provider understands, before another is asked.
    pub fn forget_opaque(&mut self) {
        self.opaque.clear();
        self.calls.iter_mut().for_each(|call| call.opaque.clear());
    }

    /// The result of a call.
    pub fn result(id: &str, text: impl Into<String>) -> Self {
        Self {
            answers: id.to_owned(),
            ..Self::new(Role::Tool, text)
        }
    }
}

/// Shows the size, never the words: they are personal data.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Message({:?}, {} chars)",
            self.role,
            self.text.chars().count()
        )
    }
}

/// Roles of the chat completions protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The prompt.
    System,
    /// The caller.
    User,
    /// The agent.
    Assistant,
    /// A tool.
    Tool,
}

impl Role {
    /// As the protocol writes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}
