//! The metrics of a process, for whoever monitors it: `/metrics` in Prometheus' text format.
//!
//! Every metric is declared in this module and nowhere else, grouped by the part of the product that it describes:
//! [`Calls`], [`Providers`], [`Workers`], [`Control`], [`Process`]. Metrics are global to the process, not a value
//! that is passed around: `metrics().calls.barge_ins.inc()`.
//!
//! - **Nothing personal.** A label is a word from a closed list, or a name from an operator's file (agent, provider,
//!   model), of which there are at most [`NAMES`]: never a call's id, a room, a user or a word that was said.
//! - **The audio path pays nothing.** Counting is an atomic addition. Code that counts often gets the child of its
//!   labels once, when the call begins; only that lookup takes a lock.
//! - **No series begins late.** Series with labels from closed lists start at 0, so that the first failure is visible
//!   as an increase.

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
    /// Calls, and what is heard and said in them.
    pub calls: Calls,
    /// The services that stages use.
    pub providers: Providers,
    /// The worker of this process, and the pool.
    pub workers: Workers,
    /// The control plane's events, dispatches and webhooks.
    pub control: Control,
    /// The process itself.
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

    /// The counters that [`recent`] needs.
    pub fn counts(&self) -> recent::Counts {
        let (heard, answers) = self.calls.heard_so_far();
        recent::Counts {
            heard,
            answers,
            providers: self.providers.asked_so_far(),
        }
    }

    /// All metrics in Prometheus' text format ([`TEXT_FORMAT`]), with their current values.
    pub fn text(&self) -> String {
        self.process.read();
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.register.gather(), &mut text) {
            // Metrics without samples are left out; nothing else can be wrong with what is declared here.
            tracing::error!(%error, "the metrics could not be written");
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests;
