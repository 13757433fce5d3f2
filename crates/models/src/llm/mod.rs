//! The language model: Qwen2.5 over candle, several conversations at once.
//!
//! One thread owns the network. Requests are served side by side: each gets a
//! chunk of its prompt or one token in turn. What was computed for a conversation
//! stays in one of a few memories, so its next turn, or another conversation with
//! the same system prompt, goes on from the longest common beginning.

mod model;
mod sampling;
mod tokens;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::byte_level::Utf8Stream;
use crate::cache::Cache;
use crate::compute::Compute;
use crate::engine::{Failure, guard};
use crate::{Error, derived, loading, present};
use model::{CHUNK, CONTEXT, Memory, Qwen};
pub use sampling::Sampling;
use sampling::{Sampler, Stops};
use tokens::Tokens;
pub use tokens::{Message, Role};

/// Requests waiting for a place before further ones are refused.
const WAITING: usize = 16;
/// Conversations remembered, and served at the same time.
const MEMORIES: usize = 4;
/// Longest answer in tokens; also how many events a reader may lag behind.
const LONGEST: usize = 1024;

/// Which Qwen2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LlmModel {
    /// 0.5 billion parameters.
    #[default]
    Small,
    /// 1.5 billion parameters: better answers, a third of the speed.
    Large,
}

impl LlmModel {
    /// The model's name in the manifest and in `/v1/models`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "qwen2.5-coder-0.5b",
            Self::Large => "qwen2.5-coder-1.5b",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Small => "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            Self::Large => "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        }
    }
}

/// What the model is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chat {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Longest answer in tokens. 0 reads the messages and says nothing: what
    /// follows on them later begins at once.
    pub max_tokens: Option<usize>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Strings that end the answer, and are not part of it.
    pub stop: Vec<String>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// More text.
    Text(String),
    /// The end.
    Done {
        /// Why it ended.
        reason: FinishReason,
        /// What it took.
        usage: Usage,
    },
    /// The model failed on this request.
    Failed(Failure),
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had said all, or met a stop string.
    Stop,
    /// It was as long as it may be.
    Length,
}

/// Tokens of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the conversation.
    pub prompt: usize,
    /// How many of them were remembered and not computed again.
    pub cached: usize,
    /// Tokens of the answer.
    pub completion: usize,
}

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The conversation does not fit.
    #[error(
        "the conversation has {tokens} tokens and the model takes {CONTEXT}; drop its oldest turns"
    )]
    TooLong {
        /// Its length.
        tokens: usize,
    },
    /// The model's side.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// A handle on the language model's thread.
#[derive(Clone)]
pub struct Llm {
    queue: mpsc::Sender<Job>,
    tokens: Arc<Tokens>,
}

struct Job {
    prompt: Vec<u32>,
    max_tokens: usize,
    sampling: Sampling,
    stop: Vec<String>,
    events: mpsc::Sender<ChatEvent>,
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
        let weights = derived(cache, name, which.file(), model::convert)?;
        let qwen = Qwen::load(&weights).map_err(|e| failed(&e))?;
        let tokens = Arc::new(Tokens::load(qwen.content()).map_err(|e| failed(&e))?);
        // the first use packs the weights: not in a caller's time
        let mut memory = qwen.memory();
        for count in [CHUNK, 1] {
            qwen.feed(&mut memory, &vec![0; count], true)
                .map_err(|e| failed(&e))?;
        }
        qwen.release();
        let (queue, jobs) = mpsc::channel(WAITING);
        let worker = Worker {
            memories: (0..MEMORIES).map(|_| Slot::new(qwen.memory())).collect(),
            qwen,
            tokens: tokens.clone(),
            compute,
            answers: Vec::new(),
            uses: 0,
        };
        std::thread::Builder::new()
            .name("model-llm".into())
            .spawn(move || worker.run(jobs))
            .map_err(Error::Thread)?;
        Ok(Self { queue, tokens })
    }

    /// Asks the model. Dropping the receiver stops the work at the next token or
    /// chunk. The channel holds a whole answer: a slow reader holds up nobody.
    pub fn chat(&self, chat: Chat) -> Result<mpsc::Receiver<ChatEvent>, Refusal> {
        let max_tokens = chat.max_tokens.unwrap_or(LONGEST).min(LONGEST);
        let prompt = self
            .tokens
            .conversation(&chat.messages, max_tokens > 0)
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
        let Chat { sampling, stop, .. } = chat;
        self.queue
            .try_send(Job {
                prompt,
                max_tokens,
                sampling,
                stop,
                events,
            })
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Failure::Busy("llm"),
                mpsc::error::TrySendError::Closed(_) => Failure::Gone("llm"),
            })?;
        Ok(answer)
    }

    /// Reads these messages and remembers them, so that a conversation which
    /// begins with them answers sooner.
    pub async fn prefill(&self, messages: Vec<Message>) -> Result<Usage, Refusal> {
        let mut answer = self.chat(Chat {
            messages,
            max_tokens: Some(0),
            ..Chat::default()
        })?;
        while let Some(event) = answer.recv().await {
            match event {
                ChatEvent::Done { usage, .. } => return Ok(usage),
                ChatEvent::Failed(failure) => return Err(failure.into()),
                ChatEvent::Text(_) => {}
            }
        }
        Err(Failure::Gone("llm").into())
    }
}

/// The thread's state.
struct Worker {
    qwen: Qwen,
    tokens: Arc<Tokens>,
    compute: Arc<Compute>,
    memories: Vec<Slot>,
    answers: Vec<Answer>,
    uses: u64,
}

struct Slot {
    memory: Memory,
    busy: bool,
    /// When it was last used: the least lately used one is given up first.
    used: u64,
}

impl Slot {
    fn new(memory: Memory) -> Self {
        Self {
            memory,
            busy: false,
            used: 0,
        }
    }
}

/// An answer in the making.
struct Answer {
    slot: usize,
    /// Tokens still to be fed: the rest of the prompt, then the last token said.
    pending: Vec<u32>,
    sampler: Sampler,
    letters: Utf8Stream,
    stops: Stops,
    left: usize,
    usage: Usage,
    begun: Instant,
    events: mpsc::Sender<ChatEvent>,
}

/// Whether an answer goes on.
enum Step {
    Continue,
    Finished,
}

impl Worker {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        loop {
            while self.answers.len() < MEMORIES {
                let job = if self.answers.is_empty() {
                    jobs.blocking_recv()
                } else {
                    jobs.try_recv().ok()
                };
                match job {
                    Some(job) => self.begin(job),
                    None if self.answers.is_empty() => return, // every handle is gone
                    None => break,
                }
            }
            let mut answers = std::mem::take(&mut self.answers);
            answers.retain_mut(|answer| match guard("llm", || self.step(answer)) {
                Ok(Step::Continue) => true,
                Ok(Step::Finished) => {
                    self.memories[answer.slot].busy = false;
                    false
                }
                Err(failure) => {
                    // what it remembers may be half written
                    self.memories[answer.slot] = Slot::new(self.qwen.memory());
                    let _ = answer.events.try_send(ChatEvent::Failed(failure));
                    false
                }
            });
            self.answers = answers;
        }
    }

    fn begin(&mut self, job: Job) {
        if job.events.is_closed() {
            return;
        }
        let (slot, cached) = match guard("llm", || self.remember(&job.prompt)) {
            Ok(found) => found,
            Err(failure) => {
                let _ = job.events.try_send(ChatEvent::Failed(failure));
                return;
            }
        };
        self.memories[slot].busy = true;
        let room = CONTEXT - job.prompt.len();
        self.answers.push(Answer {
            slot,
            pending: job.prompt[cached..].to_vec(),
            sampler: Sampler::new(job.sampling),
            letters: Utf8Stream::default(),
            stops: Stops::new(job.stop),
            left: job.max_tokens.min(room),
            usage: Usage {
                prompt: job.prompt.len(),
                cached,
                completion: 0,
            },
            begun: Instant::now(),
            events: job.events,
        });
    }

    /// Finds the memory with the longest common beginning, and makes it this
    /// conversation's own. Where that would cut off what another conversation
    /// may still go on from, the beginning is copied to the memory least used.
    fn remember(&mut self, prompt: &[u32]) -> candle_core::Result<(usize, usize)> {
        self.uses += 1;
        // at least one token is fed, for its logits
        let common = |slot: &Slot| {
            slot.memory
                .common(prompt)
                .min(prompt.len().saturating_sub(1))
        };
        let source = (0..MEMORIES)
            .max_by_key(|n| common(&self.memories[*n]))
            .unwrap_or(0);
        let count = common(&self.memories[source]);
        let goes_on = count == self.memories[source].memory.tokens().len();
        let slot = if goes_on && !self.memories[source].busy {
            source
        } else {
            let free = (0..MEMORIES).filter(|n| !self.memories[*n].busy);
            free.min_by_key(|n| self.memories[*n].used)
                .unwrap_or(source)
        };
        if slot == source {
            self.memories[slot].memory.truncate(count);
        } else {
            let mut fresh = self.qwen.memory();
            fresh.copy_from(&self.memories[source].memory, count)?;
            self.memories[slot].memory = fresh;
        }
        self.memories[slot].used = self.uses;
        Ok((slot, count))
    }

    /// One chunk of the prompt, or one token of the answer.
    fn step(&mut self, answer: &mut Answer) -> candle_core::Result<Step> {
        if answer.events.is_closed() {
            return Ok(Step::Finished);
        }
        let turn = self.compute.turn();
        let memory = &mut self.memories[answer.slot].memory;
        let count = answer.pending.len().min(CHUNK);
        let last = count == answer.pending.len() && answer.left > 0;
        let logits = self.qwen.feed(memory, &answer.pending[..count], last)?;
        drop(turn);
        answer.pending.drain(..count);
        if let Some(logits) = logits {
            let token = answer
                .sampler
                .choose(logits, self.tokens.texts(), &self.tokens.endings());
            if answer.usage.completion == 0 {
                tracing::debug!(
                    prompt = answer.usage.prompt,
                    cached = answer.usage.cached,
                    ms = answer.begun.elapsed().as_millis(),
                    "first token"
                );
            }
            return Ok(answer.say(token, &self.tokens));
        }
        if answer.pending.is_empty() {
            return Ok(answer.finish(FinishReason::Length));
        }
        Ok(Step::Continue)
    }
}

impl Answer {
    fn say(&mut self, token: u32, tokens: &Tokens) -> Step {
        if tokens.ends(token) {
            return self.finish(FinishReason::Stop);
        }
        self.usage.completion += 1;
        self.left -= 1;
        let text = self.letters.push(tokens.bytes(token));
        let (text, stopped) = self.stops.push(&text);
        self.send(text);
        if stopped {
            return self.finish(FinishReason::Stop);
        }
        if self.left == 0 {
            return self.finish(FinishReason::Length);
        }
        self.pending.push(token);
        Step::Continue
    }

    fn finish(&mut self, reason: FinishReason) -> Step {
        let rest = self.stops.finish();
        self.send(rest);
        let usage = self.usage;
        let _ = self.events.try_send(ChatEvent::Done { reason, usage }); // it may be gone
        Step::Finished
    }

    fn send(&self, text: String) {
        if !text.is_empty() {
            // there is room for every token of the longest answer
            let _ = self.events.try_send(ChatEvent::Text(text));
        }
    }
}
