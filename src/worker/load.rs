//! How busy this machine is. A worker reports it to the server, which sends new jobs to the least busy worker and
//! none to those at 0.7 and above.

use std::collections::VecDeque;
use std::fs;
use std::time::{Duration, Instant};

/// What a worker reports as its load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LoadMeasure {
    /// CPU use of the container or the machine, averaged over 2.5 s.
    Cpu,
    /// Jobs divided by `max_jobs`, and nothing else: for a machine with other work, and for tests.
    Jobs,
}

/// Time between samples.
pub const SAMPLE_INTERVAL: Duration = Duration::from_millis(500);
const WINDOW: usize = 5;

/// The mean of the last five samples.
#[derive(Debug, Default)]
pub struct MovingAverage(VecDeque<f32>);

impl MovingAverage {
    /// Adds a sample and returns the mean.
    pub fn push(&mut self, sample: f32) -> f32 {
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(sample);
        self.0.iter().sum::<f32>() / self.0.len() as f32
    }
}

/// Measures CPU use since the last reading: of the container if it has a quota (cgroup v2 `cpu.stat` and `cpu.max`),
/// otherwise of the machine (`/proc/stat`).
#[derive(Debug, Default)]
pub struct CpuMeter {
    container: Option<(Instant, u64)>,
    machine: Option<(u64, u64)>,
}

impl CpuMeter {
    /// CPU use since the last call, 0 to 1. `None` on the first call, and where the system reports nothing.
    pub fn sample(&mut self, now: Instant) -> Option<f32> {
        let quota = fs::read_to_string("/sys/fs/cgroup/cpu.max")
            .ok()
            .and_then(|t| parse_quota(&t));
        if let Some(cores) = quota {
            let usage = fs::read_to_string("/sys/fs/cgroup/cpu.stat").ok()?;
            let usage = parse_usage_micros(&usage)?;
            let (then, before) = self.container.replace((now, usage))?;
            let elapsed = now.saturating_duration_since(then).as_micros() as f32;
            return (elapsed > 0.0)
                .then(|| (usage.saturating_sub(before) as f32 / elapsed / cores).clamp(0.0, 1.0));
        }
        let (busy, total) = parse_stat(&fs::read_to_string("/proc/stat").ok()?)?;
        let (busy_before, total_before) = self.machine.replace((busy, total))?;
        let total = total.saturating_sub(total_before);
        (total > 0).then(|| busy.saturating_sub(busy_before) as f32 / total as f32)
    }
}

/// `cpu.max`: "200000 100000" means two cores, "max 100000" no quota.
fn parse_quota(text: &str) -> Option<f32> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f32, f32) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then_some(quota / period)
}

/// `cpu.stat`: the line "usage_usec N".
fn parse_usage_micros(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("usage_usec "))?
        .trim()
        .parse()
        .ok()
}

/// `/proc/stat`, first line: user nice system idle iowait irq softirq steal. Returns (busy, total).
fn parse_stat(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let total: u64 = fields.iter().sum();
    let idle = fields.get(3)? + fields.get(4)?;
    Some((total.saturating_sub(idle), total))
}

#[cfg(test)]
mod tests;
