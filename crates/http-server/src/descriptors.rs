//! File descriptors: each socket takes one, and a process without free ones cannot take calls.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Above this share of the limit, the operator should be warned.
const NEAR: f64 = 0.8;
/// The interval between checks.
const LOOK: Duration = Duration::from_secs(15);
/// More than a worker and a control plane ever need; macOS rejects "unlimited".
const ENOUGH: u64 = 65_536;

/// The file descriptors of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// How many are open.
    pub open: u64,
    /// How many may be open.
    pub limit: u64,
}

impl Descriptors {
    /// Those of this process now. `None` if the system does not report how many are open.
    pub fn now() -> Option<Self> {
        // Linux has the first folder, macOS the second.
        let listed = std::fs::read_dir("/proc/self/fd").or_else(|_| std::fs::read_dir("/dev/fd"));
        let open = listed.ok()?.count() as u64;
        Some(Self {
            open,
            limit: limit(),
        })
    }

    /// A description of the problem if the limit is near.
    pub fn trouble(self) -> Option<String> {
        let Self { open, limit } = self;
        (open as f64 > NEAR * limit as f64).then(|| {
            format!(
                "{open} of {limit} file descriptors are open; raise the limit (ulimit -n, \
                 LimitNOFILE=, docker --ulimit nofile=), or look for what holds connections open"
            )
        })
    }
}

/// Logs a warning each time the limit comes near, until `stop`.
pub async fn watch(stop: CancellationToken) {
    let mut was_near = false;
    loop {
        let trouble = Descriptors::now().and_then(Descriptors::trouble);
        if let Some(trouble) = trouble.as_ref().filter(|_| !was_near) {
            tracing::warn!("{trouble}");
        }
        was_near = trouble.is_some();
        if stop.run_until_cancelled(sleep(LOOK)).await.is_none() {
            return;
        }
    }
}

/// How many descriptors this process may have open.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises the limit as far as the system permits, and returns the new limit. Call it first in `main`: values that are
/// derived from the limit are derived only once.
pub fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let goal = maximum.unwrap_or(u64::MAX).min(ENOUGH);
    if current.is_some_and(|current| current < goal) {
        let raised = Rlimit {
            current: Some(goal),
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, goal, "the limit of open files cannot be raised");
        }
    }
    limit()
}

#[cfg(test)]
mod tests;
