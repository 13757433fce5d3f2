//! Threads of their own for jobs, one for each core.
//!
//! All tasks of a call run on one of them: its turns, its voice and its connection. So its sound waits for no request,
//! query or local model of the process, and no thread has to wake another for each packet.

use std::future::{Future, pending};
use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sidetone_base::clock;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::{Job, JobHandle, JobOutcome, JobRunner};

/// The threads. They end when this is dropped.
pub struct Threads(Vec<Thread>);

struct Thread {
    runtime: Handle,
    /// None while it is dropped.
    owned: Option<Runtime>,
    /// Held by each of its jobs.
    jobs: Arc<()>,
}

impl Threads {
    /// Starts one for each core.
    ///
    /// # Errors
    /// If a thread or its runtime cannot be started.
    pub fn start() -> io::Result<Self> {
        Self::of(thread::available_parallelism().map_or(1, NonZero::get))
    }

    fn of(number: usize) -> io::Result<Self> {
        let all = (0..number).map(|_| Thread::start());
        all.collect::<io::Result<_>>().map(Self)
    }

    /// Spawns on every thread a task that `make` makes for it.
    pub fn on_each<F: Future<Output = ()> + Send + 'static>(&self, mut make: impl FnMut() -> F) {
        for thread in &self.0 {
            thread.runtime.spawn(make());
        }
    }

    /// Lets each thread beat; returns when each did last.
    pub fn beats(&self, every: Duration) -> Vec<watch::Receiver<Instant>> {
        let mut seen = Vec::new();
        self.on_each(|| {
            let (beats, beat) = watch::channel(clock::now());
            seen.push(beat);
            async move {
                loop {
                    beats.send_replace(clock::now());
                    sleep(every).await;
                }
            }
        });
        seen
    }

    /// Runs `job` on the thread with the fewest jobs; dropping this future drops the job.
    async fn run<T: Send + 'static>(&self, job: impl Future<Output = T> + Send + 'static) -> T {
        let thread = (self.0.iter())
            .min_by_key(|thread| Arc::strong_count(&thread.jobs))
            .map(|thread| (thread.runtime.clone(), Arc::clone(&thread.jobs)));
        let Some((runtime, place)) = thread else {
            return job.await;
        };
        let placed = async move {
            let _place = place;
            job.await
        };
        match AbortOnDropHandle::new(runtime.spawn(placed)).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The threads have ended, and the process is about to.
                Err(_) => pending().await,
            },
        }
    }
}

impl Thread {
    /// A runtime of several threads with a single one: a task that must block (`block_in_place`, to derive keys) hands
    /// the others to a thread that takes this one's place.
    fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("calls").enable_all();
        let runtime = runtime.build()?;
        Ok(Self {
            runtime: runtime.handle().clone(),
            owned: Some(runtime),
            jobs: Arc::default(),
        })
    }
}

impl Drop for Thread {
    /// Waits for nothing: what is still written then is what a killed process would leave.
    fn drop(&mut self) {
        if let Some(runtime) = self.owned.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs a runner's jobs on threads.
pub struct OnThreads<R> {
    /// Whose jobs.
    pub runner: Arc<R>,
    /// Where they run.
    pub threads: Arc<Threads>,
}

impl<R: JobRunner> JobRunner for OnThreads<R> {
    async fn run(&self, job: Job, handle: JobHandle) -> JobOutcome {
        let runner = Arc::clone(&self.runner);
        let job = async move { runner.run(job, handle).await };
        self.threads.run(job).await
    }
}

#[cfg(test)]
mod tests;
