//! A call's messages and tools as the OpenAI protocol has them.

use crate::call::providers::{Message, Role, ToolCall};
use crate::config::tools::Tool;
use crate::openai;

/// A message.
pub fn message(message: Message) -> openai::Message {
    use async_openai::types::chat::{
        ChatCompletionRequestAssistantMessage as Assistant,
        ChatCompletionRequestSystemMessage as System,
        ChatCompletionRequestToolMessage as ToolMessage, ChatCompletionRequestUserMessage as User,
    };
    match message.role {
        Role::System => System::from(message.text).into(),
        Role::User => User::from(message.text).into(),
        Role::Assistant if !message.calls.is_empty() => Assistant {
            tool_calls: Some(message.calls.into_iter().map(call).collect()),
            ..Default::default()
        }
        .into(),
        Role::Assistant => Assistant::from(message.text).into(),
        Role::Tool => ToolMessage {
            content: message.text.into(),
            tool_call_id: message.answers,
        }
        .into(),
    }
}

/// What only the provider understands of a call goes back beside these fields.
fn call(call: ToolCall) -> async_openai::types::chat::ChatCompletionMessageToolCalls {
    use async_openai::types::chat::{
        ChatCompletionMessageToolCall as Call, ChatCompletionMessageToolCalls as Calls,
        FunctionCall,
    };
    let function = FunctionCall {
        name: call.name,
        arguments: call.arguments,
    };
    let id = call.id;
    Calls::Function(Call { id, function })
}

/// A tool.
pub fn tool(tool: Tool) -> openai::Tool {
    use async_openai::types::chat::{ChatCompletionTool, FunctionObject};
    openai::Tool::Function(ChatCompletionTool {
        function: FunctionObject {
            name: tool.name,
            description: Some(tool.description),
            parameters: Some(tool.parameters),
            strict: None,
        },
    })
}
