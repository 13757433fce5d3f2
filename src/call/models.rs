//! A call's providers over the OpenAI protocol.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::Value;

use super::event::Stage;
use super::providers::{Message, Piece, ProviderError, Providers, Question, Role, ToolCall};
use crate::audio::Pcm;
use crate::clock;
use crate::config::agent::{AgentConfig, Limits};
use crate::config::request::HttpRequest;
use crate::config::tools::Tool;
use crate::openai::{self, ChatRequest, Delta, Llm, Speech, Stt, Tts};
use crate::tools::HttpTools;

/// STT, the model, TTS and tools' servers of one call.
#[derive(Clone)]
pub struct Models {
    stt: Stt,
    llm: Llm,
    tts: Tts,
    http: HttpTools,
    voice: &'static str,
    limits: Limits,
}

impl Models {
    /// With the voice and the deadlines of `agent`. The clients are cheap clones of the process'.
    pub fn new(stt: Stt, llm: Llm, tts: Tts, http: HttpTools, agent: &AgentConfig) -> Self {
        Self {
            stt,
            llm,
            tts,
            http,
            voice: agent.voice.as_str(),
            limits: agent.limits,
        }
    }
}

/// Retries end a little before the call's own deadline, so that the cause is told and not only
/// that time was up.
fn deadline(limit: Duration) -> std::time::Instant {
    clock::now() + limit.mul_f32(0.95)
}

impl From<openai::ProviderError> for ProviderError {
    fn from(error: openai::ProviderError) -> Self {
        let stage = match error.stage {
            openai::Stage::Stt => Stage::Stt,
            openai::Stage::Llm => Stage::Llm,
            openai::Stage::Tts => Stage::Tts,
        };
        Self {
            stage,
            message: error.to_string(),
        }
    }
}

fn wire(message: Message) -> openai::Message {
    use async_openai::types::chat::{
        ChatCompletionRequestAssistantMessage as Assistant,
        ChatCompletionRequestSystemMessage as System,
        ChatCompletionRequestToolMessage as ToolMessage, ChatCompletionRequestUserMessage as User,
    };
    match message.role {
        Role::System => System::from(message.text).into(),
        Role::User => User::from(message.text).into(),
        Role::Assistant if !message.calls.is_empty() => Assistant {
            tool_calls: Some(message.calls.into_iter().map(wire_call).collect()),
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

fn wire_call(call: ToolCall) -> async_openai::types::chat::ChatCompletionMessageToolCalls {
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

fn wire_tool(tool: Tool) -> openai::Tool {
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

impl Providers for Models {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        let (stt, limit) = (self.stt.clone(), self.limits.stt);
        async move {
            let transcript = stt.transcribe(&audio, deadline(limit)).await?;
            // Whisper invents words in silence; it also says how sure it is.
            Ok(if transcript.is_hallucinated() {
                String::new()
            } else {
                transcript.text
            })
        }
        .boxed()
    }

    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let request = ChatRequest {
            messages: question.messages.into_iter().map(wire).collect(),
            tools: question.tools.into_iter().map(wire_tool).collect(),
            may_call: question.may_call,
            max_tokens: None,
            temperature: None,
        };
        self.llm
            .stream(request, deadline(self.limits.llm))
            .filter_map(async |delta| match delta {
                Ok(Delta::Text(text)) => Some(Ok(Piece::Text(text))),
                Ok(Delta::ToolCall(call)) => Some(Ok(Piece::Call(call))),
                Ok(Delta::Finished(_) | Delta::Usage(_)) => None,
                Err(error) => Some(Err(error.into())),
            })
            .boxed()
    }

    fn call_tool(
        &self,
        request: HttpRequest,
        values: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let http = self.http.clone();
        async move { http.call(&request, &values, &arguments).await }.boxed()
    }

    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        let voice = self.voice.to_owned();
        let speech = Speech {
            text,
            voice,
            instructions: None,
            speed: None,
        };
        let pieces = self.tts.speak(speech, deadline(self.limits.tts));
        pieces
            .map(|piece| piece.map_err(ProviderError::from))
            .boxed()
    }
}
