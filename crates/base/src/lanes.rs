//! Work that waits for somebody else, run beside the loop that it comes from. A shared loop never awaits a network
//! call: it hands the call to a lane and continues.
//!
//! Jobs with the same key run one after the other, in order; jobs with different keys run in parallel, up to a bounded
//! number. Each has a deadline, and a job that panics fails alone.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::metrics::{IntGauge, metrics};

/// How much may run and wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    /// The number of jobs that may run in parallel.
    pub at_once: usize,
    /// The number of jobs in total, including waiting ones; any more are refused.
    pub in_all: usize,
    /// How long a job may run before it is dropped.
    pub deadline: Duration,
}

/// As many jobs as allowed are running or waiting; this one was dropped. Whoever submitted it still has what it was
/// made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue is full: {0} jobs are running or waiting")]
pub struct Full(usize);

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The lanes of one kind of work; cheap to clone.
#[derive(Clone)]
pub struct Lanes(Arc<Shared>);

struct Shared {
    /// Its name in logs.
    name: &'static str,
    width: Width,
    places: Semaphore,
    queues: Mutex<Queues>,
    /// Jobs running or waiting in all lanes of this name.
    depth: IntGauge,
}

#[derive(Default)]
struct Queues {
    /// Waiting jobs, by key; a key is present while one of its jobs is running, too.
    by_key: HashMap<String, VecDeque<Job>>,
    /// Jobs running or waiting.
    jobs: usize,
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lanes").field(&self.0.name).finish()
    }
}

impl Lanes {
    /// Creates empty lanes; `name` is for logs and metrics.
    pub fn new(name: &'static str, width: Width) -> Self {
        Self(Arc::new(Shared {
            name,
            width,
            places: Semaphore::new(width.at_once),
            queues: Mutex::default(),
            depth: metrics().control.queue(name),
        }))
    }

    /// Runs a job after the earlier ones with the same key.
    ///
    /// # Errors
    /// Too many jobs are running or waiting.
    pub fn run(
        &self,
        key: &str,
        job: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Full> {
        let mut queues = self.0.queues();
        if queues.jobs >= self.0.width.in_all {
            metrics().control.queue_full(self.0.name).inc();
            return Err(Full(queues.jobs));
        }
        queues.jobs += 1;
        self.0.depth.inc();
        if let Some(queue) = queues.by_key.get_mut(key) {
            queue.push_back(Box::pin(job));
            return Ok(());
        }
        let queue = VecDeque::from([Box::pin(job) as Job]);
        queues.by_key.insert(key.to_owned(), queue);
        drop(queues);
        tokio::spawn(Arc::clone(&self.0).lane(key.to_owned()));
        Ok(())
    }

    /// How many more jobs are accepted.
    pub fn free(&self) -> usize {
        let jobs = self.0.queues().jobs;
        self.0.width.in_all.saturating_sub(jobs)
    }

    /// Whether a job with this key is running or waiting.
    pub fn has(&self, key: &str) -> bool {
        self.0.queues().by_key.contains_key(key)
    }

    /// Whether a job with this key is waiting to start: whatever it reads, it reads after now.
    pub fn has_waiting(&self, key: &str) -> bool {
        let queues = self.0.queues();
        queues
            .by_key
            .get(key)
            .is_some_and(|queue| !queue.is_empty())
    }
}

impl Shared {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        // A panic while the lock was held leaves nothing half done.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes and returns the next job of a key; removes the key if there is none.
    fn next(&self, key: &str) -> Option<Job> {
        let mut queues = self.queues();
        let job = queues.by_key.get_mut(key).and_then(VecDeque::pop_front);
        if job.is_none() {
            queues.by_key.remove(key);
        }
        job
    }

    async fn lane(self: Arc<Self>, key: String) {
        loop {
            // Acquire a place first: a job without a place is still waiting.
            let Ok(_place) = self.places.acquire().await else {
                return;
            };
            let Some(job) = self.next(&key) else {
                return;
            };
            // A task of its own, so that a panic ends it alone; if this task is dropped, it is aborted.
            let mut task = JoinSet::new();
            task.spawn(job);
            match timeout(self.width.deadline, task.join_next()).await {
                Ok(Some(Err(error))) if error.is_panic() => {
                    tracing::error!(lane = self.name, lane_key = key, "a job panicked");
                }
                Ok(_) => {}
                Err(_) => {
                    let within = self.width.deadline;
                    tracing::warn!(
                        lane = self.name,
                        lane_key = key,
                        ?within,
                        "a job took too long"
                    );
                }
            }
            self.queues().jobs -= 1;
            self.depth.dec();
        }
    }
}

#[cfg(test)]
mod tests;
