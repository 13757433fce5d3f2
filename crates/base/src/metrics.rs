//! What a process measures of itself, for whoever watches over it: `/metrics` in Prometheus' text format.
//!
//! Every metric is declared in this module and nowhere else, by the part of the product that it tells of:
//! [`Calls`], [`Providers`], [`Workers`], [`Control`], [`Process`]. They are the process's, not a value that is
//! handed down: whoever counts something says `metrics().calls.barge_ins.inc()`.
//!
//! - **Nothing personal.** A label is a word of a closed list, or a name from an operator's file (agent,
//!   provider, model), of which there are at most [`NAMES`]: never a call's id, a room, a user, a word.
//! - **The sound path pays nothing.** A count is an atomic addition. Whoever counts often takes the child of
//!   its labels once, when the call begins; only that looks it up behind a lock.
//! - **Nothing begins late.** What is counted by closed lists stands at 0 from the start, so that the first
//!   failure is seen to rise.

mod calls;
mod control;
mod lag;
mod names;
mod process;
mod providers;
pub mod recent;
mod register;
mod workers;

use std::sync::LazyLock;

use prometheus::{Encoder as _, TextEncoder};

pub use calls::{CallState, Calls, InState};
pub use control::Control;
pub use lag::watch_lag;
pub use names::NAMES;
pub use process::{Process, SpanFate};
pub use prometheus::{Counter, Histogram, IntCounter, IntGauge, TEXT_FORMAT};
pub use providers::{Fault, OfProvider, Providers};
use register::Register;
pub use workers::Workers;

/// All metrics of this process.
#[derive(Debug)]
pub struct Metrics {
    /// Of calls, and what is heard and said in them.
    pub calls: Calls,
    /// Of the services that stages ask.
    pub providers: Providers,
    /// Of the worker in this process, and of the pool.
    pub workers: Workers,
    /// Of the control plane's events, askings and posts.
    pub control: Control,
    /// Of the process itself.
    pub process: Process,
    register: Register,
}

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

impl Metrics {
    fn new() -> Self {
        let register = Register::default();
        Self {
            calls: Calls::new(&register),
            providers: Providers::new(&register),
            workers: Workers::new(&register),
            control: Control::new(&register),
            process: Process::new(&register),
            register,
        }
    }

    /// What [`recent`] needs to know.
    pub fn counts(&self) -> recent::Counts {
        let (heard, answers) = self.calls.heard_so_far();
        recent::Counts {
            heard,
            answers,
            providers: self.providers.asked_so_far(),
        }
    }

    /// All of it in Prometheus' text format ([`TEXT_FORMAT`]), as it is now.
    pub fn text(&self) -> String {
        self.process.read();
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.register.gather(), &mut text) {
            // What has no sample is left out; nothing else can be wrong with what is declared here.
            tracing::error!(%error, "the metrics could not be written");
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests;
