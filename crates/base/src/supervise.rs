//! The background tasks of a process. A task that ends early or panics is logged and restarted after a pause; health
//! checks show it while it is down. The process and its other tasks continue.
//!
//! [`Restarts`] decides when to restart, and is pure; [`Supervisor`] runs the tasks.

mod restarts;

use std::collections::BTreeMap;
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::clock;
use super::metrics::metrics;
pub use restarts::Restarts;

/// What suffers while a task is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// Calls: the process is not ready.
    ByCalls,
    /// Only what can wait: health checks name the task, and the process stays ready.
    Later,
}

/// The tasks' histories, by name.
type Tasks = BTreeMap<&'static str, (Needed, Restarts)>;

/// Runs background tasks until its token is cancelled. They are aborted when it is dropped.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    tasks: watch::Sender<Tasks>,
    keepers: JoinSet<()>,
}

impl Supervisor {
    /// Creates a supervisor without tasks; its tasks end at `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            tasks: watch::Sender::default(),
            keepers: JoinSet::new(),
        }
    }

    /// Runs the task that `make` creates, and creates it again whenever it fails. The task gets the token that tells
    /// it to end; an end before that is a failure, like a panic. Whatever a task must not lose when it fails (a
    /// queue's receiver) belongs in `make`.
    pub fn spawn<M, T>(&mut self, name: &'static str, needed: Needed, make: M)
    where
        M: FnMut(CancellationToken) -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        metrics().process.task(name, false);
        let keeper = Keeper {
            name,
            needed,
            restarts: Restarts::begun(clock::now()),
            tasks: self.tasks.clone(),
        };
        self.keepers.spawn(keeper.run(make, self.stop.clone()));
    }

    /// A view of the tasks for health checks.
    pub fn health(&self) -> TaskHealth {
        TaskHealth(self.tasks.subscribe())
    }

    /// Waits until all tasks have ended, which they do when the token is cancelled.
    pub async fn ended(mut self) {
        while self.keepers.join_next().await.is_some() {}
    }
}

/// Keeps one task running.
struct Keeper {
    name: &'static str,
    needed: Needed,
    restarts: Restarts,
    tasks: watch::Sender<Tasks>,
}

impl Keeper {
    async fn run<M, T>(mut self, mut make: M, stop: CancellationToken)
    where
        M: FnMut(CancellationToken) -> T + Send,
        T: Future<Output = ()> + Send + 'static,
    {
        loop {
            // A task of its own, so that a panic ends it alone; if this task is dropped, it is aborted.
            let mut task = JoinSet::new();
            task.spawn(make(stop.clone()));
            let how = match task.join_next().await {
                // The panic's message, which may quote anything, is already on standard error.
                Some(Err(error)) if error.is_panic() => "it panicked",
                _ if stop.is_cancelled() => return,
                _ => "it ended early",
            };
            let again_at = self.restarts.failed(clock::now());
            self.tell();
            metrics().process.task(self.name, true);
            tracing::error!(
                task = self.name,
                failures = self.restarts.failures(),
                how,
                "a background task failed and is restarted"
            );
            let pause = tokio::time::sleep_until(again_at.into());
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
            self.restarts.started(clock::now());
            self.tell();
            metrics().process.task(self.name, false);
        }
    }

    /// Informs health checks; a task that never failed is not in their list.
    fn tell(&self) {
        self.tasks.send_modify(|tasks| {
            tasks.insert(self.name, (self.needed, self.restarts));
        });
    }
}

/// The state of a [`Supervisor`]'s tasks; cheap to clone. The default has no tasks.
#[derive(Clone, Debug)]
pub struct TaskHealth(watch::Receiver<Tasks>);

impl Default for TaskHealth {
    fn default() -> Self {
        Self(watch::channel(Tasks::new()).1)
    }
}

impl TaskHealth {
    /// The tasks that are down at `now`.
    pub fn down(&self, now: Instant) -> Down {
        let mut down = Down::default();
        for (name, (needed, restarts)) in &*self.0.borrow() {
            if restarts.is_down(now) {
                down.calls_wait |= *needed == Needed::ByCalls;
                let failures = restarts.failures();
                let told = format!("restarting; failures in a row: {failures}");
                down.tasks.insert(name, told);
            }
        }
        down
    }
}

/// The tasks that are down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Down {
    /// What to report about each, by name; without error texts.
    pub tasks: BTreeMap<&'static str, String>,
    /// Whether calls need one of them.
    pub calls_wait: bool,
}

#[cfg(test)]
mod tests;
