//! What became of each request to a provider, for whoever traces the call: who was asked, for which reply, how long
//! it took and what it used; never what was asked or answered.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::part::Part;
use super::providers::Fault;
use sidetone_base::metrics::{SpanFate, metrics};
use sidetone_config::prices::Used;
use sidetone_turn::ReplyId;

/// Requests that wait to be looked at; those of some twenty turns. More are dropped and counted.
const WAITING: usize = 256;

/// A request that is over: answered, failed, or broken off because nobody wants its answer any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Which stage asked.
    pub stage: Part,
    /// The provider's name in the agent's file.
    pub provider: Arc<str>,
    /// Its model.
    pub model: Arc<str>,
    /// The reply that it was for; none for the caller's words, and for what the call itself asks.
    pub reply: Option<ReplyId>,
    /// When it was asked.
    pub begun: Instant,
    /// When the first piece of the answer came.
    pub first: Option<Instant>,
    /// When it was over.
    pub ended: Instant,
    /// What it took.
    pub used: Used,
    /// Why it failed.
    pub fault: Option<Fault>,
}

/// Takes the requests of one call; without anybody who wants to know it takes none. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Requests(Option<mpsc::Sender<Request>>);

impl Requests {
    /// With what comes out.
    pub fn watched() -> (Self, mpsc::Receiver<Request>) {
        let (requests, watched) = mpsc::channel(WAITING);
        (Self(Some(requests)), watched)
    }

    /// Whether anybody wants to know.
    pub(super) fn are_watched(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn take(&self, request: Request) {
        let Some(requests) = &self.0 else {
            return;
        };
        // One of after the call is nobody's to wait for.
        if let Err(mpsc::error::TrySendError::Full(_)) = requests.try_send(request) {
            metrics().process.spans(SpanFate::QueueFull).inc();
        }
    }
}

tokio::task_local! {
    static REPLY: ReplyId;
}

/// The reply that the running task works for.
pub(super) fn reply() -> Option<ReplyId> {
    REPLY.try_with(|reply| *reply).ok()
}

/// The same work, whose requests are for `reply`.
pub(super) fn of<F: Future>(reply: ReplyId, work: F) -> impl Future<Output = F::Output> {
    REPLY.scope(reply, work)
}

/// The same work for another task, which goes on working for the reply of this one.
pub(super) async fn carried<T>(reply: Option<ReplyId>, work: impl Future<Output = T>) -> T {
    match reply {
        Some(reply) => of(reply, work).await,
        None => work.await,
    }
}

#[cfg(test)]
mod tests;
