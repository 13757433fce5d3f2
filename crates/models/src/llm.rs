//! The language model: Qwen2.5 over candle, several conversations at once.
//!
//! One thread owns the network. Requests are served side by side: each gets a chunk of its prompt or one token in
//! turn. What was computed for a conversation stays in one of a few memories, so its next turn, or another
//! conversation with the same system prompt, continues from the longest common prefix.

mod convert;
mod form;
mod grounded;
mod grounds;
mod json;
mod memory;
mod model;
mod sampling;
mod shape;
mod template;
mod tokens;
mod worker;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::cache::Cache;
use crate::compute::Compute;
use crate::engine::Failure;
use crate::meaning::Meaning;
use crate::{Error, derived, loading, present};
pub use form::{Call, Calls, Form};
use grounded::Question;
pub use json::{BadSchema, Schema};
use model::{CHUNK, Qwen};
pub use sampling::Sampling;
use shape::CONTEXT;
use tokens::Tokens;
pub use tokens::{Message, Role, Tool};
use worker::{Job, Worker};

/// Requests that may wait for a place before further ones are refused.
const WAITING: usize = 16;
/// Maximum answer length in tokens; also how many events a reader may lag behind.
const LONGEST: usize = 1024;

/// Which Qwen2.5 model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LlmModel {
    /// 0.5 billion parameters, trained on code and conversation.
    #[default]
    Small,
    /// 1.5 billion parameters: better answers, a third of the speed.
    Large,
    /// 0.5 billion parameters, trained on conversation. Only Hugging Face has its weights.
    PlainSmall,
    /// 1.5 billion parameters, trained on conversation. Only Hugging Face has its weights.
    PlainLarge,
}

impl LlmModel {
    /// All models.
    pub const ALL: [Self; 4] = [Self::Small, Self::Large, Self::PlainSmall, Self::PlainLarge];

    /// The model's name in the manifest and in `/v1/models`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "qwen2.5-coder-0.5b",
            Self::Large => "qwen2.5-coder-1.5b",
            Self::PlainSmall => "qwen2.5-0.5b",
            Self::PlainLarge => "qwen2.5-1.5b",
        }
    }

    /// Whether it has 0.5 billion parameters.
    pub fn is_small(self) -> bool {
        matches!(self, Self::Small | Self::PlainSmall)
    }

    /// Whether it can be trusted to choose whether to call a tool. Too many calls of the small models are wrong:
    /// offered a tool that hangs up, they hang up at the first question.
    pub fn chooses_tools(self) -> bool {
        !self.is_small()
    }

    /// The model with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }

    fn file(self) -> &'static str {
        match self {
            Self::Small => "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            Self::Large => "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            Self::PlainSmall => "qwen2.5-0.5b-instruct-q4_k_m.gguf",
            Self::PlainLarge => "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        }
    }
}

/// A request to the model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chat {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools that the model reads about; `form` says whether it may call them.
    pub tools: Vec<Tool>,
    /// What the answer may consist of.
    pub form: Form,
    /// Maximum length of the answer in tokens. 0 reads the messages without answering: a conversation that continues
    /// them later is answered sooner.
    pub max_tokens: Option<usize>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Strings that end the answer and are not part of it.
    pub stop: Vec<String>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// More text.
    Text(String),
    /// A complete tool call.
    Call(Call),
    /// The end.
    Done {
        /// Why the answer ended.
        reason: FinishReason,
        /// The tokens used.
        usage: Usage,
    },
    /// The model failed on this request.
    Failed(Failure),
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model finished, or produced a stop string.
    Stop,
    /// It reached its maximum length.
    Length,
    /// It is waiting for the results of the tools that it called.
    Calls,
}

/// Token counts of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the conversation.
    pub prompt: usize,
    /// How many of them were remembered instead of computed again.
    pub cached: usize,
    /// Tokens of the answer.
    pub completion: usize,
}

/// Why a request was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The conversation is too long.
    #[error(
        "the conversation has {tokens} tokens and the model takes {CONTEXT}; drop its oldest turns"
    )]
    TooLong {
        /// Its length in tokens.
        tokens: usize,
    },
    /// The model could not take it.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// A handle on the language model's thread.
#[derive(Clone)]
pub struct Llm {
    queue: mpsc::Sender<Job>,
    /// Where requests go whose prompt marks facts; `None` for a larger model, which reads them itself.
    grounded: Option<mpsc::Sender<Question>>,
    tokens: Arc<Tokens>,
    which: LlmModel,
}

impl Llm {
    pub(crate) fn load(
        cache: &Cache,
        which: LlmModel,
        compute: Arc<Compute>,
    ) -> Result<Self, Error> {
        let name = which.name();
        let failed = loading(name);
        present(cache, name)?;
        let weights = derived(cache, name, which.file(), convert::convert)?;
        let qwen = Qwen::load(&weights).map_err(|e| failed(&e))?;
        let tokens = Arc::new(Tokens::load(qwen.content()).map_err(|e| failed(&e))?);
        // the first use packs the weights, which must not delay a call
        let mut memory = qwen.memory();
        for count in [CHUNK, 1] {
            qwen.feed(&mut memory, &vec![0; count], true)
                .map_err(|e| failed(&e))?;
        }
        qwen.release();
        let (queue, jobs) = mpsc::channel(WAITING);
        let worker = Worker::new(qwen, tokens.clone(), Arc::clone(&compute));
        std::thread::Builder::new()
            .name("model-llm".into())
            .spawn(move || worker.run(jobs))
            .map_err(Error::Thread)?;
        let grounded = match which.is_small() {
            true => Some(grounded::start(
                Meaning::load(cache)?,
                Arc::clone(&tokens),
                compute,
                queue.clone(),
            )?),
            false => None,
        };
        Ok(Self {
            queue,
            grounded,
            tokens,
            which,
        })
    }

    pub(crate) fn chooses_tools(&self) -> bool {
        self.which.chooses_tools()
    }

    /// Asks the model. Dropping the receiver stops the work at the next token or chunk. The channel has room for a
    /// whole answer, so a slow reader delays nobody.
    pub fn chat(&self, mut chat: Chat) -> Result<mpsc::Receiver<ChatEvent>, Refusal> {
        let system = chat.messages.first_mut();
        let grounds = system
            .filter(|first| first.role == Role::System)
            .and_then(|system| {
                let (prompt, grounds) = grounds::read(&system.content);
                system.content = prompt;
                grounds
            });
        let max_tokens = chat.max_tokens.unwrap_or(LONGEST).min(LONGEST);
        let prompt = self
            .tokens
            .conversation(&chat.messages, &chat.tools, max_tokens > 0)
            .map_err(|cause| Failure::Broken {
                engine: "llm",
                cause,
            })?;
        if prompt.len() + max_tokens.min(1) > CONTEXT {
            return Err(Refusal::TooLong {
                tokens: prompt.len(),
            });
        }
        let (events, answer) = mpsc::channel(LONGEST + 2);
        let Chat {
            messages,
            sampling,
            stop,
            form,
            ..
        } = chat;
        let is_talk = form.is_talk();
        let job = Job {
            prompt,
            max_tokens,
            sampling,
            stop,
            form,
            guard: None,
            events,
        };
        match (&self.grounded, grounds) {
            (Some(grounded), Some(grounds)) if is_talk => send(
                grounded,
                Question {
                    grounds,
                    messages,
                    job,
                },
            )?,
            _ => send(&self.queue, job)?,
        }
        Ok(answer)
    }

    /// Reads and remembers these messages and tools, so that a conversation that begins with them is answered sooner.
    pub async fn prefill(
        &self,
        messages: Vec<Message>,
        tools: Vec<Tool>,
    ) -> Result<Usage, Refusal> {
        let mut answer = self.chat(Chat {
            messages,
            tools,
            max_tokens: Some(0),
            ..Chat::default()
        })?;
        while let Some(event) = answer.recv().await {
            match event {
                ChatEvent::Done { usage, .. } => return Ok(usage),
                ChatEvent::Failed(failure) => return Err(failure.into()),
                ChatEvent::Text(_) | ChatEvent::Call(_) => {}
            }
        }
        Err(Failure::Gone("llm").into())
    }
}

/// Puts a request into a thread's queue, which refuses it if it is full.
fn send<T>(queue: &mpsc::Sender<T>, request: T) -> Result<(), Failure> {
    queue.try_send(request).map_err(|refused| match refused {
        mpsc::error::TrySendError::Full(_) => Failure::Busy("llm"),
        mpsc::error::TrySendError::Closed(_) => Failure::Gone("llm"),
    })
}
