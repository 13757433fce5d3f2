//! What came of the calls, as a row of a table.

use std::time::Duration;

use sidetone::caller::Placed;
use sidetone::caller::heard::level_dbfs;

/// Silence of this length within a sentence is heard as a break.
const BREAK: usize = 4;

/// Figures of one run.
pub struct Figures {
    agent: &'static str,
    callers: usize,
    pub unanswered: usize,
    /// Milliseconds, sorted.
    latency: Vec<u64>,
    stopped: Vec<u64>,
    joined: Vec<u64>,
    /// Breaks of 40 ms or more a reply.
    breaks: f64,
    /// Means of what the agent told of its stages: endpointing, STT, first token, first audio,
    /// and the whole until it was sent.
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
        let replies: usize = calls.iter().map(|call| call.agent_voice.len()).sum();
        let breaks: usize = calls.iter().map(breaks).sum();
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
            breaks: breaks as f64 / replies.max(1) as f64,
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

/// Breaks within what was heard: the fake provider's voice has no pauses of its own.
fn breaks(call: &Placed) -> usize {
    let in_span = |span| {
        let heard = call.received_in(span);
        let (mut quiet, mut voiced, mut found) = (0, false, 0);
        for frame in heard.samples().chunks(480) {
            if level_dbfs(frame) < -45.0 {
                quiet += 1;
            } else {
                found += usize::from(voiced && quiet >= BREAK);
                (quiet, voiced) = (0, true);
            }
        }
        found
    };
    call.agent_voice.iter().copied().map(in_span).sum()
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
