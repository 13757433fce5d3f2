//! A call's messages and tools as the client of the OpenAI protocol has them.

use crate::call::providers::{Message, Role};
use crate::config::tools::Tool;
use crate::openai;

/// A message.
pub fn message(message: Message) -> openai::Message {
    let Message {
        role,
        text,
        calls,
        opaque,
        answers,
    } = message;
    openai::Message {
        role: match role {
            Role::System => openai::Role::System,
            Role::User => openai::Role::User,
            Role::Assistant => openai::Role::Assistant,
            Role::Tool => openai::Role::Tool,
        },
        text,
        calls,
        opaque,
        answers,
    }
}

/// A tool.
pub fn tool(tool: Tool) -> openai::Tool {
    openai::Tool {
        name: tool.name,
        description: tool.description,
        parameters: tool.parameters,
    }
}
