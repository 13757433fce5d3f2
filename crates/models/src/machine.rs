//! This machine's resources, and the language model that fits it.

use crate::llm::LlmModel;

/// With this many cores, the larger model's first words arrive within about a second of the smaller one's.
const ENOUGH_CORES: usize = 4;
/// The larger model takes 2.3 GB, and the rest of the process, LiveKit and the system need memory too.
const ENOUGH_MEMORY: u64 = 6 << 30;

/// Cores and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Cores that the process may use.
    pub cores: usize,
    /// Total memory in bytes; 0 if the system does not report it (Linux does).
    pub memory: u64,
}

impl Machine {
    /// The recommended language model, among those that registries have.
    pub fn recommended_llm(self) -> LlmModel {
        match self.cores >= ENOUGH_CORES && self.memory >= ENOUGH_MEMORY {
            true => LlmModel::Large,
            false => LlmModel::Small,
        }
    }
}

/// Measures this machine.
pub fn machine() -> Machine {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    Machine {
        cores: std::thread::available_parallelism().map_or(1, Into::into),
        memory: total(&memory).unwrap_or(0),
    }
}

/// The first line of `/proc/meminfo`, `MemTotal:  24000000 kB` (see proc_meminfo(5)).
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests;
