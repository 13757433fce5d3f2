//! The measurements, and when they count as flat. PURE.

use std::fmt::Write as _;
use std::time::Duration;

use crate::faults::record::Memory;
use crate::faults::tones::Sound;

const MIB: usize = 1024 * 1024;
/// What may remain on the heap per call: nothing should, but caches of constant size fill up during the measurement.
const HEAP_PER_CALL: usize = 2 * 1024;
const HEAP: usize = 3 * MIB;
/// The allocator returns little memory to the system.
const RESIDENT: usize = 48 * MIB;
/// Tasks that come and go on their own: timers, retries, idle connections to the provider.
const TASKS: usize = 6;
/// Connections that are kept open for a while: to the provider, LiveKit and SQLite.
const FILES: usize = 8;
/// The runtime's pool for files and name resolution; its threads end when idle.
const THREADS: usize = 12;
/// Silence within an answer that a caller would notice.
const BREAK: Duration = Duration::from_millis(200);
/// How much a flood may delay answers to the others: the median, and the 95th percentile.
const SLOWER: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(1_000)];

/// What a process holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Bytes.
    pub heap: usize,
    /// Bytes.
    pub resident: usize,
    /// Tokio's tasks.
    pub tasks: usize,
    pub threads: usize,
    /// File handles.
    pub files: usize,
    /// Media connections.
    pub connections: usize,
}

impl Held {
    /// What has grown too much since `before`, over this many calls.
    pub fn grown_since(&self, before: &Self, calls: usize) -> Vec<String> {
        let allowed = [
            (
                "bytes of heap",
                before.heap,
                self.heap,
                HEAP + calls * HEAP_PER_CALL,
            ),
            (
                "resident bytes",
                before.resident,
                self.resident,
                RESIDENT + calls * HEAP_PER_CALL,
            ),
            ("tasks", before.tasks, self.tasks, TASKS),
            ("threads", before.threads, self.threads, THREADS),
            ("file handles", before.files, self.files, FILES),
            ("media connections", before.connections, self.connections, 0),
        ];
        let grown = allowed
            .into_iter()
            .filter(|(_, before, now, more)| *now > before + more);
        grown
            .map(|(what, before, now, more)| {
                format!("{what}: {before} became {now} in {calls} calls, {more} more are allowed")
            })
            .collect()
    }

    /// The maximum of both.
    pub fn most(self, other: Self) -> Self {
        Self {
            heap: self.heap.max(other.heap),
            resident: self.resident.max(other.resident),
            tasks: self.tasks.max(other.tasks),
            threads: self.threads.max(other.threads),
            files: self.files.max(other.files),
            connections: self.connections.max(other.connections),
        }
    }
}

/// What was held at a point in time.
pub struct Moment {
    pub when: &'static str,
    /// Calls up to then.
    pub calls: usize,
    pub held: Held,
}

pub fn held_table(moments: &[Moment]) -> String {
    let mut table = String::from(
        "| when | calls until then | heap, MiB | resident, MiB | tasks | threads | file handles | media connections |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let mib = |bytes: usize| bytes as f64 / MIB as f64;
    for Moment { when, calls, held } in moments {
        let _ = writeln!(
            table,
            "| {when} | {calls} | {:.1} | {:.1} | {} | {} | {} | {} |",
            mib(held.heap),
            mib(held.resident),
            held.tasks,
            held.threads,
            held.files,
            held.connections
        );
    }
    table
}

/// What well-behaved callers heard.
#[derive(Debug, Default)]
pub struct Heard {
    pub calls: usize,
    /// What the process computed meanwhile, and the time that this took.
    pub cpu: Duration,
    pub lasted: Duration,
    /// The time from the end of a question to its answer.
    pub latencies: Vec<Duration>,
    /// Answers with a gap.
    pub breaks: usize,
    /// Gaps that the process made because its sound was late.
    pub broken: usize,
    pub asked_again: usize,
    pub alone: usize,
}

impl Heard {
    pub fn add(&mut self, caller: &Memory) {
        self.calls += 1;
        self.alone += usize::from(caller.script.is_alone());
        let pieces = caller.ears.pieces();
        let answers = pieces.iter().filter_map(|(_, piece)| match piece.sound {
            Sound::Answer { n, .. } => Some((n, piece)),
            _ => None,
        });
        let answers: Vec<_> = answers.collect();
        let holes = answers
            .iter()
            .filter(|(_, piece)| piece.lasted().saturating_sub(piece.voiced) > BREAK);
        self.breaks += holes.count();
        let asked = caller.script.asked();
        for (place, question) in asked.iter().enumerate() {
            self.asked_again +=
                usize::from(asked[..place].iter().any(|before| before.n == question.n));
            let answer = answers
                .iter()
                .find(|(n, piece)| *n == question.n && piece.span.start >= question.span.end);
            self.latencies
                .extend(answer.map(|(_, piece)| piece.span.start - question.span.end));
        }
    }

    /// The latency that this fraction, from 0 to 1, is below.
    pub fn latency(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
        sorted.get(place).copied().unwrap_or_default()
    }

    /// The harm that a flood did, compared to these measurements without it.
    pub fn harmed_since(&self, without: &Self) -> Vec<String> {
        let mut harm = Vec::new();
        if self.alone > without.alone {
            harm.push(format!("{} callers were left alone", self.alone));
        }
        if without.latencies.is_empty() || self.latencies.is_empty() {
            harm.push("nobody was answered".into());
        }
        for (share, slower) in [0.5, 0.95].into_iter().zip(SLOWER) {
            let (before, now) = (without.latency(share), self.latency(share));
            if now > before + slower {
                harm.push(format!(
                    "answers after {now:?} in place of {before:?} ({share})"
                ));
            }
        }
        // As many as without the flood, per answer.
        let allowed = without.breaks * self.latencies.len() / without.latencies.len().max(1);
        if self.breaks > allowed + self.latencies.len() / 10 + 1 {
            harm.push(format!(
                "{} answers with holes, {allowed} expected",
                self.breaks
            ));
        }
        harm
    }
}

pub fn heard_table(rows: [(&str, &Heard); 2]) -> String {
    let mut table = String::from(
        "| others | their calls | answers | median | slowest in 20 | slowest | answers with holes | gaps made | asked again | left alone | of a core |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, heard) in rows {
        let seconds = |share| heard.latency(share).as_secs_f64();
        let _ = writeln!(
            table,
            "| {name} | {} | {} | {:.2} s | {:.2} s | {:.2} s | {} | {} | {} | {} | {:.0}% |",
            heard.calls,
            heard.latencies.len(),
            seconds(0.5),
            seconds(0.95),
            seconds(1.0),
            heard.breaks,
            heard.broken,
            heard.asked_again,
            heard.alone,
            100.0 * heard.cpu.as_secs_f64() / heard.lasted.as_secs_f64()
        );
    }
    table
}

mod tests;
