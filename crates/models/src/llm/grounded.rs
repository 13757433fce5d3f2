//! The thread that answers from a prompt's marked facts what need not be left to the model.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::grounds::{Grounds, Verdict};
use super::tokens::Tokens;
use super::worker::Job;
use super::{ChatEvent, FinishReason, Message, Usage, WAITING, send};
use crate::Error;
use crate::compute::Compute;
use crate::engine::guard;
use crate::meaning::Meaning;

/// A request whose prompt marks facts.
pub(super) struct Question {
    pub(super) grounds: Grounds,
    pub(super) messages: Vec<Message>,
    /// What the model is asked if it is to answer.
    pub(super) job: Job,
}

/// Starts the thread. It ends when the sender is dropped.
pub(super) fn start(
    meaning: Meaning,
    tokens: Arc<Tokens>,
    compute: Arc<Compute>,
    model: mpsc::Sender<Job>,
) -> Result<mpsc::Sender<Question>, Error> {
    let (queue, mut questions) = mpsc::channel(WAITING);
    let mut judge = Judge {
        meaning,
        tokens,
        compute,
        model,
        reading: None,
    };
    std::thread::Builder::new()
        .name("model-grounded".into())
        .spawn(move || {
            while let Some(question) = questions.blocking_recv() {
                judge.answer(question);
            }
        })
        .map_err(Error::Thread)?;
    Ok(queue)
}

struct Judge {
    meaning: Meaning,
    tokens: Arc<Tokens>,
    compute: Arc<Compute>,
    model: mpsc::Sender<Job>,
    /// A prompt for talk that the model is reading: it stops if nobody waits for it.
    reading: Option<mpsc::Receiver<ChatEvent>>,
}

impl Judge {
    fn answer(&mut self, question: Question) {
        let Question {
            grounds,
            mut messages,
            mut job,
        } = question;
        if job.events.is_closed() {
            return;
        }
        if job.max_tokens == 0 {
            return self.read_ahead(&grounds, messages, job);
        }
        let judged = guard("meaning", || {
            let _turn = self.compute.turn();
            grounds.judge(&messages, &mut self.meaning)
        });
        match judged {
            Ok(None) => self.forward(job),
            Ok(Some(Verdict::Converse(guard, prompt))) => {
                job.guard = Some(guard);
                if let Some(prompt) = prompt
                    && let Some(system) = messages.first_mut()
                {
                    system.content = prompt;
                    match self.tokens.conversation(&messages, &[], true) {
                        Ok(prompt) => job.prompt = prompt,
                        Err(error) => tracing::error!(error, "the usual prompt is used for talk"),
                    }
                }
                self.forward(job);
            }
            Ok(Some(Verdict::Say(text))) => {
                // the model need not read anything
                let usage = Usage {
                    prompt: job.prompt.len(),
                    cached: job.prompt.len(),
                    completion: 0,
                };
                let reason = FinishReason::Stop;
                // the channel has room for both; the reader may be gone
                let _ = job.events.try_send(ChatEvent::Text(text));
                let _ = job.events.try_send(ChatEvent::Done { reason, usage });
            }
            Err(failure) => {
                let _ = job.events.try_send(ChatEvent::Failed(failure));
            }
        }
    }

    /// The model reads both prompts, the one for talk first; this thread reads the facts.
    fn read_ahead(&mut self, grounds: &Grounds, mut messages: Vec<Message>, job: Job) {
        if let Some(talk) = grounds.talk()
            && let Some(system) = messages.first_mut()
        {
            system.content = talk.to_owned();
            if let Ok(prompt) = self.tokens.conversation(&messages, &[], false) {
                let (events, end) = mpsc::channel(1);
                self.reading = Some(end);
                self.forward(Job::reading(prompt, events));
            }
        }
        self.forward(job);
        // if this fails, it is logged, and the first question tries again
        let _ = guard("meaning", || grounds.read_ahead(&mut self.meaning));
    }

    fn forward(&self, job: Job) {
        let events = job.events.clone();
        if let Err(failure) = send(&self.model, job) {
            let _ = events.try_send(ChatEvent::Failed(failure));
        }
    }
}
