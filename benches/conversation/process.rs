//! The resources that a process and its children use, from Linux's `/proc`.

use std::fs;
use std::time::Duration;

/// A process and all its descendants.
pub struct Tree {
    root: u32,
}

impl Tree {
    pub fn of(root: u32) -> Self {
        Self { root }
    }

    /// Proportional set size in MiB: memory, with shared pages counted in proportion (proc_pid_smaps(5)).
    pub fn memory(&self) -> f64 {
        let kib = |pid: u32| -> Option<f64> {
            let smaps = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = smaps.lines().find(|line| line.starts_with("Pss:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        self.pids().into_iter().filter_map(kib).sum::<f64>() / 1024.0
    }

    /// CPU time so far, including children that have ended (proc_pid_stat(5): utime, stime, cutime, cstime).
    pub fn cpu(&self) -> Duration {
        let ticks = |pid: u32| -> u64 {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields = stat.rsplit(')').next().unwrap_or_default();
            let numbers = fields.split_whitespace().skip(11).take(4);
            numbers.map(|n| n.parse::<u64>().unwrap_or(0)).sum()
        };
        // The kernel reports a hundred ticks per second to user programs on all common machines.
        Duration::from_millis(10 * self.pids().into_iter().map(ticks).sum::<u64>())
    }

    fn pids(&self) -> Vec<u32> {
        let mut found = vec![self.root];
        let mut next = 0;
        while let Some(pid) = found.get(next).copied() {
            next += 1;
            let tasks = fs::read_dir(format!("/proc/{pid}/task"));
            for task in tasks.into_iter().flatten().flatten() {
                let children = fs::read_to_string(task.path().join("children"));
                let children = children.unwrap_or_default();
                found.extend(children.split_whitespace().flat_map(str::parse::<u32>));
            }
        }
        found
    }
}
