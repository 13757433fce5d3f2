//! An answer being read: from a stream of events, or whole where a server streams none.

use sidetone_base::provider::LlmApi;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use super::super::error::ProviderError;
use super::super::http::{Provider, media_type};
use super::super::refusal::Refusal;
use super::super::sse;
use super::markup::Opening;
use super::{ChatRequest, Delta, chat, history, responses};

/// How long a stream may go on after the model has said why it ended: usage comes then, and some
/// servers never end it.
const AFTERWARDS: Duration = Duration::from_millis(500);
/// Bytes of an answer that is not streamed.
const WHOLE: usize = 4 << 20;

pub(super) struct AnswerReader {
    provider: Provider,
    response: Response,
    /// What the request said, which errors must not repeat.
    asked: Arc<Value>,
    shape: Shape,
    ready: VecDeque<Delta>,
    reader: Reader,
    /// The tools that were offered, as the conversation names them.
    tools: Vec<String>,
    ended: bool,
}

/// How the answer comes.
enum Shape {
    /// Nothing has come.
    Unknown,
    Events(sse::Decoder),
    Whole(Vec<u8>),
}

/// Makes of events what the model says.
enum Reader {
    Chat(chat::Reader),
    Responses(responses::Reader),
}

impl Reader {
    fn event(&mut self, event: &Value, ready: &mut VecDeque<Delta>) -> Result<(), Refusal> {
        match self {
            Self::Chat(reader) => reader.event(event, ready),
            Self::Responses(reader) => reader.event(event, ready),
        }
    }

    fn take(&mut self, event: &str, ready: &mut VecDeque<Delta>) -> Result<(), Refusal> {
        // Some servers end responses with what chat completions end with.
        if event.trim() == "[DONE]" {
            self.is_all();
            return Ok(());
        }
        match serde_json::from_str(event) {
            Ok(event) => self.event(&event, ready),
            // Keep-alives of all kinds. A stream of nothing else breaks off at its end.
            Err(_) => Ok(()),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Chat(reader) => reader.done,
            Self::Responses(reader) => reader.done || reader.has_finished(),
        }
    }

    /// Nothing more comes, whether or not the server said why.
    fn is_all(&mut self) {
        match self {
            Self::Chat(reader) => reader.done = true,
            Self::Responses(reader) => reader.done = true,
        }
    }

    fn has_finished(&self) -> bool {
        match self {
            Self::Chat(reader) => reader.has_finished(),
            Self::Responses(reader) => reader.has_finished(),
        }
    }

    fn end(&mut self, ready: &mut VecDeque<Delta>) -> bool {
        match self {
            Self::Chat(reader) => reader.end(ready),
            Self::Responses(reader) => reader.end(ready),
        }
    }

    fn opened_in_thought(&self) -> bool {
        match self {
            Self::Chat(reader) => reader.opened_in_thought(),
            Self::Responses(reader) => reader.opened_in_thought(),
        }
    }
}

impl AnswerReader {
    /// Of a response with a good status.
    pub(super) fn new(
        provider: Provider,
        api: LlmApi,
        request: &ChatRequest,
        response: Response,
        asked: Value,
    ) -> Result<Self, ProviderError> {
        if let Some(media @ "text/html") = media_type(&response).as_deref() {
            return Err(provider.garbage(&format!("{media} in place of an event stream")));
        }
        let dialect = provider.dialect();
        let opening = if dialect.opens_in_thought {
            Opening::Thought
        } else if dialect.opens_plainly || provider.is_openai() {
            Opening::Plain
        } else {
            Opening::Unknown
        };
        let reader = match api {
            LlmApi::Chat => Reader::Chat(chat::Reader::new(request, opening)),
            LlmApi::Responses => Reader::Responses(responses::Reader::new(request, opening)),
        };
        Ok(Self {
            provider,
            response,
            asked: Arc::new(asked),
            shape: Shape::Unknown,
            ready: VecDeque::new(),
            reader,
            tools: request.tools.iter().map(|tool| tool.name.clone()).collect(),
            ended: false,
        })
    }

    /// `None` at the end of a complete answer.
    pub(super) async fn next(&mut self) -> Result<Option<Delta>, ProviderError> {
        loop {
            if let Some(mut delta) = self.ready.pop_front() {
                if let Delta::ToolCall(call) = &mut delta {
                    call.name = own_name(&call.name, &self.tools);
                }
                return Ok(Some(delta));
            }
            if self.ended {
                return Ok(None);
            }
            if self.reader.is_done() {
                self.end()?;
                continue;
            }
            let has_finished = self.reader.has_finished();
            let piece = self.provider.piece(&mut self.response);
            let piece = if has_finished {
                // All that matters has come: what breaks now breaks nothing.
                timeout(AFTERWARDS, piece)
                    .await
                    .ok()
                    .and_then(Result::ok)
                    .flatten()
            } else {
                piece.await?
            };
            match piece {
                Some(bytes) => self.read(&bytes)?,
                None => {
                    self.flush()?;
                    self.end()?;
                }
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), ProviderError> {
        if let Shape::Unknown = self.shape {
            let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            match first {
                None => return Ok(()),
                Some(b'{' | b'[') => self.shape = Shape::Whole(Vec::new()),
                Some(_) => self.shape = Shape::Events(sse::Decoder::default()),
            }
        }
        let mut events = Vec::new();
        match &mut self.shape {
            Shape::Unknown => {}
            Shape::Whole(body) => {
                if body.len() + bytes.len() > WHOLE {
                    return Err(self.provider.garbage("more than 4 MiB in one piece"));
                }
                body.extend_from_slice(bytes);
            }
            Shape::Events(decoder) => {
                let read = decoder.push(bytes, &mut events);
                if read.is_err() && !self.reader.has_finished() {
                    return Err(self.provider.garbage("an endless or unreadable event"));
                }
            }
        }
        events.iter().try_for_each(|event| self.take(event))
    }

    /// What the connection's end completes.
    fn flush(&mut self) -> Result<(), ProviderError> {
        match std::mem::replace(&mut self.shape, Shape::Unknown) {
            Shape::Unknown => Ok(()),
            Shape::Events(mut decoder) => match decoder.finish() {
                Some(event) => self.take(&event),
                None => Ok(()),
            },
            Shape::Whole(body) => {
                let garbage = || self.provider.garbage("what is no JSON");
                let whole: Value = serde_json::from_slice(&body).map_err(|_| garbage())?;
                let taken = self.reader.event(&whole, &mut self.ready);
                taken.map_err(|refusal| self.refused(&refusal))?;
                if !whole["choices"].is_array() && !whole["output"].is_array() {
                    return Err(self.provider.garbage("JSON that is no answer"));
                }
                self.reader.is_all();
                Ok(())
            }
        }
    }

    fn take(&mut self, event: &str) -> Result<(), ProviderError> {
        let taken = self.reader.take(event, &mut self.ready);
        taken.map_err(|refusal| self.refused(&refusal))
    }

    fn refused(&self, refusal: &Refusal) -> ProviderError {
        self.provider.within_answer(refusal, &self.asked)
    }

    fn end(&mut self) -> Result<(), ProviderError> {
        self.ended = true;
        let is_whole = self.reader.end(&mut self.ready);
        let opened_in_thought = self.reader.opened_in_thought();
        if is_whole || opened_in_thought {
            self.provider.opens(opened_in_thought);
        }
        if is_whole {
            return Ok(());
        }
        Err(self.provider.broken_off())
    }
}

/// The tool that a model means: names are sent in letters that every server takes, and some models
/// put a prefix before them.
fn own_name(name: &str, tools: &[String]) -> String {
    let bare = name.strip_prefix("functions.").unwrap_or(name);
    let is_it = |tool: &&String| history::name(tool) == name || **tool == bare;
    let known = tools.iter().find(|tool| *tool == name);
    known
        .or_else(|| tools.iter().find(is_it))
        .map_or_else(|| name.to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests;
