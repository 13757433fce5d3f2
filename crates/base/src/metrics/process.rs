//! The process itself. Names without `sidetone_` are those that every Prometheus client uses.

use std::fs;

use prometheus::{Counter, Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::register::Register;
use crate::text_enum;

/// Buckets for how late a 100 ms timer is, in seconds.
const LAG: &[f64] = &[0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Clock ticks of `/proc/self/stat` per second: 100 on every Linux that Sidetone runs on.
const TICKS: f64 = 100.0;

text_enum! {
    /// What happens to a span.
    SpanFate {
        /// The collector accepted it.
        Sent = "sent",
        /// Dropped, because too many were waiting.
        QueueFull = "queue_full",
        /// Dropped, because the collector was unreachable for too long.
        Unreachable = "unreachable",
        /// The collector refused it.
        Refused = "refused",
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Process {
    /// How late the runtime serves timers.
    pub loop_lag: Histogram,
    restarts: IntCounterVec,
    down: IntGaugeVec,
    spans: IntCounterVec,
    memory: IntGauge,
    cpu: Counter,
    files: IntGauge,
    files_limit: IntGauge,
    started: Gauge,
}

impl Process {
    pub(super) fn new(register: &Register) -> Self {
        let info = register.gauges(
            "sidetone_build_info",
            "Always 1; the label is the version.",
            &["version"],
        );
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let this = Self {
            loop_lag: register.histogram(
                "sidetone_loop_lag_seconds",
                "Delay of a due timer in this process; a call's loop waits as long.",
                LAG,
            ),
            restarts: register.counters(
                "sidetone_task_restarts_total",
                "Background tasks that failed and were restarted, by task.",
                &["task"],
            ),
            down: register.gauges(
                "sidetone_task_down",
                "1 while a background task waits to be restarted.",
                &["task"],
            ),
            spans: register.counters(
                "sidetone_spans_total",
                "Spans of traces, by what became of them: sent to the collector, or why they were dropped.",
                &["result"],
            ),
            memory: register.gauge("process_resident_memory_bytes", "Resident memory in bytes."),
            cpu: register.sum("process_cpu_seconds_total", "CPU time used, in seconds."),
            files: register.gauge("process_open_fds", "Open file descriptors."),
            files_limit: register.gauge("process_max_fds", "Limit of open file descriptors."),
            started: register.level(
                "process_start_time_seconds",
                "Start time of the process, seconds since 1970.",
            ),
        };
        let now = crate::clock::wall().duration_since(std::time::UNIX_EPOCH);
        this.started.set(now.unwrap_or_default().as_secs_f64());
        for fate in SpanFate::ALL {
            this.spans(*fate);
        }
        this
    }

    /// Records that a supervised background task is down, or up again.
    pub fn task(&self, name: &str, is_down: bool) {
        self.down.with_label_values(&[name]).set(is_down.into());
        let restarts = self.restarts.with_label_values(&[name]);
        if is_down {
            restarts.inc();
        }
    }

    /// Spans with this fate.
    pub fn spans(&self, fate: SpanFate) -> IntCounter {
        self.spans.with_label_values(&[fate.as_str()])
    }

    /// Reads what the kernel knows about the process; on systems other than Linux the values stay 0.
    pub(super) fn read(&self) {
        let memory = fs::read_to_string("/proc/self/status").ok();
        if let Some(bytes) = memory.as_deref().and_then(resident) {
            self.memory.set(bytes);
        }
        let stat = fs::read_to_string("/proc/self/stat").ok();
        if let Some(seconds) = stat.as_deref().and_then(cpu_seconds) {
            // A counter only goes up, and this value is the total.
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        }
        let limits = fs::read_to_string("/proc/self/limits").ok();
        if let Some(limit) = limits.as_deref().and_then(most_files) {
            self.files_limit.set(limit);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            self.files
                .set(i64::try_from(open.count()).unwrap_or(i64::MAX));
        }
    }
}

/// Bytes of memory, from `/proc/self/status`.
fn resident(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The limit of open file descriptors, from `/proc/self/limits`.
fn most_files(limits: &str) -> Option<i64> {
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// CPU time in user and kernel mode, in seconds, from `/proc/self/stat`.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The process's name may contain blanks and brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let kernel: f64 = fields.next()?.parse().ok()?;
    Some((user + kernel) / TICKS)
}

#[cfg(test)]
mod tests;
