//! An operating system thread that owns a model and answers requests one by one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{mpsc, oneshot};

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Too many requests are already waiting.
    #[error("the {0} model has too many requests waiting; try again in a moment")]
    Busy(&'static str),
    /// The model failed on this request; the next one is not affected.
    #[error("the {engine} model failed on this request: {cause}")]
    Broken {
        /// The name of the model.
        engine: &'static str,
        /// The model's error message.
        cause: String,
    },
    /// The model's thread has ended.
    #[error("the {0} model is shutting down")]
    Gone(&'static str),
}

/// A handle on a model's thread. The thread ends when the last handle is dropped.
pub(crate) struct Engine<Q, A> {
    name: &'static str,
    queue: mpsc::Sender<Job<Q, A>>,
}

impl<Q, A> Clone for Engine<Q, A> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            queue: self.queue.clone(),
        }
    }
}

struct Job<Q, A> {
    request: Q,
    reply: oneshot::Sender<Result<A, Failure>>,
}

/// Tells whether the client of the current request is still waiting for it.
pub(crate) struct Client<'a>(&'a dyn Fn() -> bool);

impl Client<'_> {
    /// Whether nobody is waiting for the answer any more: stop at once.
    pub(crate) fn is_gone(&self) -> bool {
        (self.0)()
    }
}

impl<Q: Send + 'static, A: Send + 'static> Engine<Q, A> {
    /// Starts the thread. `work` owns the model; its result is discarded if the client is gone. At most `waiting`
    /// requests wait; further ones are refused.
    pub(crate) fn start<E: std::fmt::Display>(
        name: &'static str,
        waiting: usize,
        mut work: impl FnMut(Q, Client<'_>) -> Result<A, E> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, mut jobs) = mpsc::channel::<Job<Q, A>>(waiting);
        std::thread::Builder::new()
            .name(format!("model-{name}"))
            .spawn(move || {
                while let Some(Job { request, reply }) = jobs.blocking_recv() {
                    if reply.is_closed() {
                        continue;
                    }
                    let answer = guard(name, || work(request, Client(&|| reply.is_closed())));
                    let _ = reply.send(answer); // the client may be gone by now
                }
            })?;
        Ok(Self { name, queue })
    }

    /// Sends a request and waits for the answer. Dropping the future stops the model at the next point where it
    /// checks.
    pub(crate) async fn ask(&self, request: Q) -> Result<A, Failure> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Job { request, reply })
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Failure::Busy(self.name),
                mpsc::error::TrySendError::Closed(_) => Failure::Gone(self.name),
            })?;
        answer.await.unwrap_or(Err(Failure::Gone(self.name)))
    }
}

/// Turns an error or a panic during one request into that request's failure.
pub(crate) fn guard<T, E: std::fmt::Display>(
    engine: &'static str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, Failure> {
    let cause = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => match panic.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => panic
                .downcast_ref::<&str>()
                .unwrap_or(&"it panicked")
                .to_string(),
        },
    };
    tracing::error!(engine, cause, "a request failed");
    Err(Failure::Broken { engine, cause })
}

#[cfg(test)]
mod tests;
