//! The results of the calls, as a row of a table.

use std::time::Duration;

use sidetone::caller::Placed;
use sidetone::caller::heard::{self, Span};

/// Figures of one run.
pub struct Figures {
    agent: &'static str,
    callers: usize,
    pub unanswered: usize,
    /// Milliseconds, sorted.
    latency: Vec<u64>,
    stopped: Vec<u64>,
    joined: Vec<u64>,
    /// Breaks of 40 ms or more per reply.
    breaks: f64,
    /// Means of what the agent reported about its stages: endpointing, STT, first token, first audio, and the total
    /// until it was sent.
    stages: Option<[u64; 5]>,
    cpu_a_minute: f64,
    idle: f64,
    a_call: f64,
}

impl Figures {
    pub const HEAD: &str = "agent           N  unanswered  first voice  answer heard p50 / p95  \
                            barge-in p50  breaks/reply  CPU-s/call-min  idle MiB  MiB/call  \
                            endpointing+STT+LLM+TTS, sent (means)";

    pub fn of(agent: &'static str, calls: &[Placed], cpu: Duration, idle: f64, busy: f64) -> Self {
        let times = || calls.iter().flat_map(|call| &call.report.turns);
        let ms = |time: Duration| time.as_millis() as u64;
        let sorted = |mut all: Vec<u64>| {
            all.sort_unstable();
            all
        };
        let length: Duration = calls
            .iter()
            .filter_map(|call| call.agent_voice.last())
            .map(|last| last.end)
            .sum();
        let replies = calls
            .iter()
            .flat_map(|call| replies(call).into_iter().map(move |reply| (call, reply)));
        // The fake provider's voice makes no pauses of its own.
        let breaks: Vec<usize> = replies
            .map(|(call, reply)| heard::breaks(call.received_in(reply).samples()))
            .collect();
        Self {
            agent,
            callers: calls.len(),
            unanswered: times()
                .filter(|turn| turn.times.is_none_or(|times| times.latency.is_none()))
                .count(),
            latency: sorted(
                times()
                    .filter_map(|turn| turn.times?.latency)
                    .map(ms)
                    .collect(),
            ),
            stopped: sorted(
                times()
                    .filter_map(|turn| turn.times?.stopped_after)
                    .map(ms)
                    .collect(),
            ),
            joined: sorted(
                calls
                    .iter()
                    .filter_map(|call| call.report.first_voice_after)
                    .map(ms)
                    .collect(),
            ),
            breaks: breaks.iter().sum::<usize>() as f64 / breaks.len().max(1) as f64,
            stages: stages(calls),
            cpu_a_minute: cpu.as_secs_f64() / (length.as_secs_f64() / 60.0),
            idle,
            a_call: (busy - idle) / calls.len() as f64,
        }
    }

    pub fn row(&self) -> String {
        let at = |all: &[u64], share: f64| {
            let index = ((all.len() as f64 * share).ceil() as usize).saturating_sub(1);
            all.get(index)
                .map_or_else(|| "-".into(), |ms| format!("{ms} ms"))
        };
        format!(
            "{:<14} {:>2}  {:>10}  {:>11}  {:>10} / {:<9}  {:>12}  {:>12.1}  {:>14.1}  {:>8.0}  \
             {:>8.1}  {}",
            self.agent,
            self.callers,
            self.unanswered,
            at(&self.joined, 0.5),
            at(&self.latency, 0.5),
            at(&self.latency, 0.95),
            at(&self.stopped, 0.5),
            self.breaks,
            self.cpu_a_minute,
            self.idle,
            self.a_call,
            self.stages.map_or_else(
                || "-".into(),
                |[e, s, l, t, sent]| format!("{e}+{s}+{l}+{t}, sent after {sent} ms")
            ),
        )
    }
}

impl Figures {
    /// These figures as multiples of ours: above 1 is worse.
    pub fn against(&self, ours: &Self) -> String {
        let middle = |all: &[u64]| all.get(all.len() / 2).map_or(f64::NAN, |ms| *ms as f64);
        let parts = [
            ("heard", middle(&self.latency), middle(&ours.latency)),
            ("barge-in", middle(&self.stopped), middle(&ours.stopped)),
            ("CPU", self.cpu_a_minute, ours.cpu_a_minute),
            ("memory a call", self.a_call, ours.a_call),
        ];
        let parts = parts.map(|(name, theirs, ours)| format!("{name} {:.1}", theirs / ours));
        format!(
            "{} / {}, N={}: {}",
            self.agent,
            ours.agent,
            self.callers,
            parts.join(", ")
        )
    }
}

/// What the agent said between the caller's turns.
fn replies(call: &Placed) -> Vec<Span> {
    let turns: Vec<Span> = (call.report.turns.iter())
        .filter_map(|turn| Some(turn.times?.said))
        .collect();
    heard::replies(&call.agent_voice, &turns)
}

fn stages(calls: &[Placed]) -> Option<[u64; 5]> {
    let told: Vec<_> = calls.iter().flat_map(|call| &call.report.timings).collect();
    let mean = |key: &str| {
        let all: Vec<u64> = told.iter().filter_map(|t| t.get(key)?.as_u64()).collect();
        all.iter().sum::<u64>() / all.len().max(1) as u64
    };
    let names = [
        "endpointingMs",
        "sttMs",
        "llmFirstTokenMs",
        "ttsFirstByteMs",
        "responseMs",
    ];
    (!told.is_empty()).then(|| names.map(mean))
}
