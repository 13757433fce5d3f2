//! The thread that owns the network and serves the requests in turn.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::form::{Answer, Form, Taken, Token};
use super::grounds::Guard;
use super::memory::Memory;
use super::model::{CHUNK, Qwen};
use super::sampling::{Sampler, Stops};
use super::shape::CONTEXT;
use super::tokens::Tokens;
use super::{ChatEvent, FinishReason, Sampling, Usage};
use crate::byte_level::Utf8Stream;
use crate::compute::Compute;
use crate::engine::guard;

/// Conversations that are remembered, and how many are served at the same time.
const MEMORIES: usize = 4;

/// One request.
pub(super) struct Job {
    pub(super) prompt: Vec<u32>,
    pub(super) max_tokens: usize,
    pub(super) sampling: Sampling,
    pub(super) stop: Vec<String>,
    pub(super) form: Form,
    /// What checks the words before they are said.
    pub(super) guard: Option<Guard>,
    pub(super) events: mpsc::Sender<ChatEvent>,
}

impl Job {
    /// Reads this prompt and remembers it; `events` get the end.
    pub(super) fn reading(prompt: Vec<u32>, events: mpsc::Sender<ChatEvent>) -> Self {
        Self {
            prompt,
            max_tokens: 0,
            sampling: Sampling::default(),
            stop: Vec::new(),
            form: Form::default(),
            guard: None,
            events,
        }
    }
}

/// The thread's state.
pub(super) struct Worker {
    qwen: Qwen,
    tokens: Arc<Tokens>,
    compute: Arc<Compute>,
    memories: Vec<Slot>,
    answers: Vec<RunningAnswer>,
    uses: u64,
}

struct Slot {
    memory: Memory,
    busy: bool,
    /// The time of its last use: the least recently used one is given up first.
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

/// An answer in progress.
struct RunningAnswer {
    slot: usize,
    /// Tokens that must still be fed: the rest of the prompt, then the last token of the answer.
    pending: Vec<u32>,
    answer: Answer,
    sampler: Sampler,
    letters: Utf8Stream,
    stops: Stops,
    guard: Option<Guard>,
    left: usize,
    usage: Usage,
    begun: Instant,
    events: mpsc::Sender<ChatEvent>,
}

/// Whether an answer continues.
enum Step {
    Continue,
    Finished,
}

impl Worker {
    /// Starts with empty memories.
    pub(super) fn new(qwen: Qwen, tokens: Arc<Tokens>, compute: Arc<Compute>) -> Self {
        Self {
            memories: (0..MEMORIES).map(|_| Slot::new(qwen.memory())).collect(),
            qwen,
            tokens,
            compute,
            answers: Vec::new(),
            uses: 0,
        }
    }

    /// Serves until every handle on the queue is gone.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
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
                    // its memory may be only partly updated
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
        self.answers.push(RunningAnswer {
            slot,
            pending: job.prompt[cached..].to_vec(),
            answer: Answer::new(job.form),
            sampler: Sampler::new(job.sampling),
            letters: Utf8Stream::default(),
            stops: Stops::new(job.stop),
            guard: job.guard,
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

    /// Finds the memory with the longest common prefix, and assigns it to this conversation. If that would cut off
    /// something that another conversation may still continue from, the prefix is copied to the least recently used
    /// memory.
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

    /// Processes one chunk of the prompt, or one token of the answer.
    fn step(&mut self, answer: &mut RunningAnswer) -> candle_core::Result<Step> {
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
            let token = answer.choose(logits, &self.tokens);
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

impl RunningAnswer {
    /// Returns `None` if nothing may follow.
    fn choose(&mut self, logits: Vec<f32>, tokens: &Tokens) -> Option<u32> {
        let Self {
            answer, sampler, ..
        } = self;
        let by_first_byte = answer.by_first_byte();
        sampler.choose(logits, answer.is_free(), |id| match tokens.token(id) {
            Token::Text(bytes) if !by_first_byte[usize::from(bytes[0])] => false,
            token => answer.allows(token),
        })
    }

    fn say(&mut self, token: Option<u32>, tokens: &Tokens) -> Step {
        let Some(id) = token else {
            return self.finish(FinishReason::Length);
        };
        let token = tokens.token(id);
        if token != Token::End {
            self.usage.completion += 1;
            self.left -= 1;
        }
        let taken = self.answer.take(token);
        let mut is_over = taken == Taken::End;
        self.pending = vec![id];
        match taken {
            Taken::Said | Taken::End => {
                let bytes = match token {
                    Token::Text(bytes) => bytes,
                    _ => &[],
                };
                let text = self.letters.push(bytes);
                let (text, stopped) = self.stops.push(&text);
                self.send(text);
                is_over |= stopped || self.guard.as_ref().is_some_and(Guard::is_shut);
            }
            Taken::Kept => {}
            Taken::Opened => {
                let rest = self.stops.finish();
                self.send(rest);
                self.pending = tokens.opening().to_vec();
                self.left = self.left.saturating_sub(self.pending.len());
            }
            Taken::Called(call) => {
                // the channel has room for every token of the longest answer
                let _ = self.events.try_send(ChatEvent::Call(call));
                return self.finish(FinishReason::Calls);
            }
        }
        if is_over {
            return self.finish(FinishReason::Stop);
        }
        if self.left == 0 {
            return self.finish(FinishReason::Length);
        }
        Step::Continue
    }

    fn finish(&mut self, reason: FinishReason) -> Step {
        let rest = self.stops.finish();
        self.send(rest);
        if let Some(guard) = &mut self.guard {
            let rest = guard.finish();
            self.pass_on(rest);
        }
        let usage = self.usage;
        let _ = self.events.try_send(ChatEvent::Done { reason, usage }); // the reader may be gone
        Step::Finished
    }

    fn send(&mut self, text: String) {
        let text = match &mut self.guard {
            Some(guard) => guard.push(&text),
            None => text,
        };
        self.pass_on(text);
    }

    fn pass_on(&self, text: String) {
        if !text.is_empty() {
            // the channel has room for every token of the longest answer
            let _ = self.events.try_send(ChatEvent::Text(text));
        }
    }
}
