//! Reads an answer: from a stream of events, or whole if a server does not stream.

use sidetone_base::provider::LlmApi;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use super::super::dialect::{Beginning, Opening};
use super::super::error::ProviderError;
use super::super::http::{Provider, media_type};
use super::super::refusal::Refusal;
use super::super::sse;
use super::wire::Ending;
use super::{ChatRequest, Delta, chat, history, responses};

/// How long a stream may go on after the model has said why it ended: usage comes then, and some servers never end the
/// stream.
const AFTERWARDS: Duration = Duration::from_millis(500);
/// The same where the reason came with words, and may mean nothing.
const PERHAPS: Duration = Duration::from_secs(2);
/// Bytes of an answer that is not streamed.
const WHOLE: usize = 4 << 20;

pub(super) struct AnswerReader {
    provider: Provider,
    response: Response,
    /// The request's contents, which errors must not repeat.
    asked: Arc<Value>,
    answer: Answer,
    ended: bool,
}

/// An answer without its connection: bytes in, deltas out. PURE.
pub(in crate::openai) struct Answer {
    shape: Shape,
    ready: VecDeque<Delta>,
    reader: Reader,
    /// The offered tools, by their names in the conversation.
    tools: Vec<String>,
}

/// Why an answer cannot be used.
pub(in crate::openai) enum Wrong {
    /// It does not follow the protocol; completes "sent ...".
    Garbage(&'static str),
    /// The server reports an error.
    Refused(Refusal),
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// How the answer arrives.
enum Shape {
    /// Nothing has arrived yet.
    Unknown,
    Events(sse::Decoder),
    Whole(Vec<u8>),
}

/// Turns events into deltas.
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
        // Some servers end responses in the way of chat completions.
        if event.trim() == "[DONE]" {
            self.is_all();
            return Ok(());
        }
        match serde_json::from_str(event) {
            Ok(event) => self.event(&event, ready),
            // Keep-alives of all kinds. A stream of nothing else counts as broken off at its end.
            Err(_) => Ok(()),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Chat(reader) => reader.done,
            Self::Responses(reader) => reader.done || reader.has_finished(),
        }
    }

    /// Marks that nothing more comes, whether or not the server said why.
    fn is_all(&mut self) {
        match self {
            Self::Chat(reader) => reader.done = true,
            Self::Responses(reader) => reader.done = true,
        }
    }

    /// Whether this server says when an answer is complete.
    fn expects_end(&mut self, marks_end: bool) {
        match self {
            Self::Chat(reader) => reader.marks_end = marks_end,
            // The API's events say so.
            Self::Responses(_) => {}
        }
    }

    /// Whether it has said so.
    fn is_marked(&self) -> bool {
        match self {
            Self::Chat(reader) => reader.is_marked(),
            Self::Responses(reader) => reader.done || reader.has_finished(),
        }
    }

    fn ending(&self) -> Ending {
        match self {
            Self::Chat(reader) => reader.ending(),
            Self::Responses(reader) if reader.has_finished() => Ending::Certain,
            Self::Responses(_) => Ending::Open,
        }
    }

    fn end(&mut self, ready: &mut VecDeque<Delta>) -> bool {
        match self {
            Self::Chat(reader) => reader.end(ready),
            Self::Responses(reader) => reader.end(ready),
        }
    }

    fn began(&self) -> Option<Beginning> {
        match self {
            Self::Chat(reader) => reader.began(),
            Self::Responses(reader) => reader.began(),
        }
    }
}

impl AnswerReader {
    /// For a response with a successful status.
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
        let opening = match provider.dialect().opening() {
            Opening::Unknown if provider.is_openai() => Opening::Plain,
            opening => opening,
        };
        let mut answer = Answer::new(api, request, opening);
        let marks_end = provider.is_openai() || provider.dialect().marks_end;
        answer.reader.expects_end(marks_end);
        Ok(Self {
            provider,
            response,
            asked: Arc::new(asked),
            answer,
            ended: false,
        })
    }

    /// `None` at the end of a complete answer.
    pub(super) async fn next(&mut self) -> Result<Option<Delta>, ProviderError> {
        loop {
            if let Some(delta) = self.answer.poll() {
                return Ok(Some(delta));
            }
            if self.ended {
                return Ok(None);
            }
            if self.answer.reader.is_done() {
                self.end()?;
                continue;
            }
            let afterwards = match self.answer.reader.ending() {
                Ending::Open | Ending::Unknowable => None,
                Ending::Likely => Some(PERHAPS),
                Ending::Certain => Some(AFTERWARDS),
            };
            let piece = self.provider.piece(&mut self.response);
            let piece = match afterwards {
                // All that matters has arrived: a failure now does no harm.
                Some(afterwards) => timeout(afterwards, piece)
                    .await
                    .ok()
                    .and_then(Result::ok)
                    .flatten(),
                None => piece.await?,
            };
            match piece {
                Some(bytes) => self
                    .answer
                    .push(&bytes)
                    .map_err(|wrong| self.failed(wrong))?,
                None => {
                    self.answer.flush().map_err(|wrong| self.failed(wrong))?;
                    self.end()?;
                }
            }
        }
    }

    fn failed(&self, wrong: Wrong) -> ProviderError {
        match wrong {
            Wrong::Garbage(what) => self.provider.garbage(what),
            Wrong::Refused(refusal) => self.provider.within_answer(&refusal, &self.asked),
        }
    }

    fn end(&mut self) -> Result<(), ProviderError> {
        self.ended = true;
        let is_whole = self.answer.end();
        if is_whole && self.answer.reader.is_marked() {
            self.provider.marks_end();
        }
        match self.answer.reader.began() {
            Some(Beginning::Plain) if !is_whole => {}
            Some(beginning) => self.provider.began(beginning),
            None => {}
        }
        if is_whole {
            return Ok(());
        }
        Err(self.provider.broken_off())
    }
}

impl Answer {
    /// For an answer to this request of which nothing has arrived yet.
    pub(in crate::openai) fn new(api: LlmApi, request: &ChatRequest, opening: Opening) -> Self {
        let reader = match api {
            LlmApi::Chat => Reader::Chat(chat::Reader::new(request, opening)),
            LlmApi::Responses => Reader::Responses(responses::Reader::new(request, opening)),
        };
        Self {
            shape: Shape::Unknown,
            ready: VecDeque::new(),
            reader,
            tools: request.tools.iter().map(|tool| tool.name.clone()).collect(),
        }
    }

    /// The next delta, if one is ready.
    pub(in crate::openai) fn poll(&mut self) -> Option<Delta> {
        let mut delta = self.ready.pop_front()?;
        if let Delta::ToolCall(call) = &mut delta {
            call.name = own_name(&call.name, &self.tools);
        }
        Some(delta)
    }

    /// Takes the next bytes.
    pub(in crate::openai) fn push(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
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
                    return Err(Wrong::Garbage("more than 4 MiB in one piece"));
                }
                body.extend_from_slice(bytes);
            }
            Shape::Events(decoder) => {
                let read = decoder.push(bytes, &mut events);
                if read.is_err() && self.reader.ending() != Ending::Certain {
                    return Err(Wrong::Garbage("an endless or unreadable event"));
                }
            }
        }
        events.iter().try_for_each(|event| self.take(event))
    }

    /// Completes what the connection's end completes.
    pub(in crate::openai) fn flush(&mut self) -> Result<(), Wrong> {
        match std::mem::replace(&mut self.shape, Shape::Unknown) {
            Shape::Unknown => Ok(()),
            Shape::Events(mut decoder) => {
                let mut events = decoder.finish().into_iter();
                events.try_for_each(|event| self.take(&event))
            }
            Shape::Whole(body) => {
                let garbage = |_| Wrong::Garbage("something that is not JSON");
                let whole: Value = serde_json::from_slice(&body).map_err(garbage)?;
                self.reader.event(&whole, &mut self.ready)?;
                if !whole["choices"].is_array() && !whole["output"].is_array() {
                    return Err(Wrong::Garbage("JSON that is not an answer"));
                }
                self.reader.is_all();
                Ok(())
            }
        }
    }

    /// Nothing more comes. Returns whether the answer was complete.
    pub(in crate::openai) fn end(&mut self) -> bool {
        self.reader.end(&mut self.ready)
    }

    fn take(&mut self, event: &str) -> Result<(), Wrong> {
        Ok(self.reader.take(event, &mut self.ready)?)
    }
}

/// The tool that a model means: names are sent in characters that every server accepts, and some models put a prefix
/// before them.
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
