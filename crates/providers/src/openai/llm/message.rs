//! What a conversation with a model consists of, for every protocol.

#[cfg(doc)]
use super::Delta;
use super::{Opaque, ToolCall};

/// One message of the model's context.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What.
    pub text: String,
    /// An assistant's message: the tools it called.
    pub calls: Vec<ToolCall>,
    /// An assistant's message: see [`Delta::Opaque`].
    pub opaque: Opaque,
    /// A tool's message: the id of the call it answers.
    pub answers: String,
}

impl Message {
    /// Words.
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

    /// Leaves out what only one provider understands: another is asked.
    pub fn forget_opaque(&mut self) {
        self.opaque.clear();
        self.calls.iter_mut().for_each(|call| call.opaque.clear());
    }

    /// What came of a call.
    pub fn result(id: &str, text: impl Into<String>) -> Self {
        Self {
            answers: id.to_owned(),
            ..Self::new(Role::Tool, text)
        }
    }
}

/// Says how much there is, never the words: they are personal data.
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
