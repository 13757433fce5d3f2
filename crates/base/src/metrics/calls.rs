//! Calls, and what is heard and said in them, counted by the process that holds them.

use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::names::Names;
use super::register::Register;
use crate::text_enum;

/// Buckets for the latency of a stage and of a reply, in seconds. After two seconds callers believe that the line is
/// dead.
const LATENCY: &[f64] = &[
    0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0,
];
/// Buckets for silences in the middle of a sentence, in seconds.
const BREAKS: &[f64] = &[0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 2.0, 5.0];
/// Buckets for the length of calls, in seconds.
const LENGTHS: &[f64] = &[
    10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0,
];
/// Buckets for tool runs, in seconds.
const TOOLS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

text_enum! {
    /// The state of a job.
    CallState {
        /// It is joining its room.
        Joining = "joining",
        /// It is in conversation.
        Talking = "talking",
        /// The conversation is over; its end is being stored and reported.
        Leaving = "leaving",
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Calls {
    in_state: IntGaugeVec,
    begun: IntCounterVec,
    ended: IntCounterVec,
    /// Calls that had another agent before.
    pub taken_over: IntCounter,
    /// Jobs that did not become a call: no agent file, or no room.
    pub not_begun: IntCounter,
    /// Jobs whose edition could not be read: other files were used.
    pub edition_unread: IntCounter,
    /// How long an agent held a call.
    pub lasted: Histogram,
    statuses: IntCounterVec,
    utterances: IntCounterVec,
    utterances_begun: IntCounter,
    sentences: IntCounterVec,
    sentences_begun: IntCounter,
    stages: HistogramVec,
    /// From the end of the caller's speech to the first sound of the reply.
    pub heard: Histogram,
    /// Silences in the middle of a sentence because the room had nothing to play.
    pub breaks: Histogram,
    /// Replies that the caller cut short.
    pub barge_ins: IntCounter,
    failures: IntCounterVec,
    tools: IntCounterVec,
    /// How long tool runs took.
    pub tool_took: Histogram,
    /// Events of calls that were not accepted in time: the stored call is incomplete.
    pub events_lost: IntCounter,
    agents: Names,
}

impl Calls {
    pub(super) fn new(register: &Register) -> Self {
        let this = Self {
            in_state: register.gauges(
                "sidetone_calls",
                "Calls held by this process, by what is happening in them.",
                &["state"],
            ),
            begun: register.counters(
                "sidetone_calls_begun_total",
                "Calls begun by this process, by the agent's file.",
                &["agent"],
            ),
            ended: register.counters(
                "sidetone_calls_ended_total",
                "Calls ended in this process, by the agent's file and the reason.",
                &["agent", "reason"],
            ),
            taken_over: register.counter(
                "sidetone_calls_taken_over_total",
                "Calls begun by this process in place of an agent that was lost.",
            ),
            not_begun: register.counter(
                "sidetone_calls_not_begun_total",
                "Jobs that did not become a call: the agent's file could not be read, or the room not joined.",
            ),
            edition_unread: register.counter(
                "sidetone_edition_unread_total",
                "Jobs whose edition of the agents' files could not be read in time; other files were used.",
            ),
            lasted: register.histogram(
                "sidetone_call_seconds",
                "How long an agent held a call.",
                LENGTHS,
            ),
            statuses: register.counters(
                "sidetone_call_status_total",
                "Calls that reached this status in the store, counted by the process that wrote it.",
                &["status"],
            ),
            utterances: register.counters(
                "sidetone_utterances_total",
                "Callers' utterances, by how they closed: answered, superseded, or why they were dropped.",
                &["closed"],
            ),
            utterances_begun: register.counter(
                "sidetone_utterances_begun_total",
                "Callers' utterances: stretches of speech, and typed messages.",
            ),
            sentences: register.counters(
                "sidetone_sentences_total",
                "Agents' sentences, by how they closed: heard, cut, or failed, with the stage that failed.",
                &["closed"],
            ),
            sentences_begun: register.counter(
                "sidetone_sentences_begun_total",
                "Sentences that agents began to speak.",
            ),
            stages: register.histograms(
                "sidetone_stage_seconds",
                "Time of an answer spent in each stage; a stage that took no part is not counted.",
                LATENCY,
                &["stage"],
            ),
            heard: register.histogram(
                "sidetone_heard_seconds",
                "Time from the end of the caller's speech to the first audio frame of the answer sent to the room.",
                LATENCY,
            ),
            breaks: register.histogram(
                "sidetone_sound_break_seconds",
                "Silences of 40 ms or more within a sentence because its audio was late.",
                BREAKS,
            ),
            barge_ins: register.counter(
                "sidetone_barge_ins_total",
                "Replies that callers cut short.",
            ),
            failures: register.counters(
                "sidetone_stage_failures_total",
                "Failures of a stage, the tools or the room that no other provider could make good, by part.",
                &["part"],
            ),
            tools: register.counters(
                "sidetone_tool_runs_total",
                "Tool runs, by result.",
                &["result"],
            ),
            tool_took: register.histogram(
                "sidetone_tool_seconds",
                "Duration of tool runs.",
                TOOLS,
            ),
            events_lost: register.counter(
                "sidetone_call_events_lost_total",
                "Events of calls that were not stored because the call had to leave first.",
            ),
            agents: Names::default(),
        };
        for state in CallState::ALL {
            this.in_state.with_label_values(&[state.as_str()]);
        }
        for closed in ["answered", "superseded"] {
            this.utterance(closed);
        }
        for closed in ["heard", "cut"] {
            this.sentence(closed);
        }
        for result in [true, false] {
            this.tool(result);
        }
        this
    }

    /// The buckets of [`Calls::heard`] as upper bounds in seconds and cumulative counts, and the count of all replies.
    pub(super) fn heard_so_far(&self) -> (Vec<(f64, u64)>, u64) {
        let samples = Register::samples(&self.heard);
        let buckets = samples
            .iter()
            .flat_map(|sample| sample.get_histogram().get_bucket());
        let buckets = buckets.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
        (buckets.collect(), self.heard.get_sample_count())
    }

    /// Creates the series of an agent's end reasons, of the ends of utterances and sentences and of failing parts, at
    /// 0 as before the first call. The words come from the calls' own enums.
    pub fn expect(
        &self,
        agents: impl IntoIterator<Item = impl AsRef<str>>,
        reasons: &[&str],
        utterances: &[&str],
        parts: &[&str],
    ) {
        for agent in agents {
            self.begun(agent.as_ref());
            for reason in reasons {
                self.ended(agent.as_ref(), reason);
            }
        }
        for closed in utterances {
            self.utterance(closed);
        }
        for part in parts {
            self.failed(part);
            self.sentence_failed(part);
        }
    }

    /// Counts a call in this state until the returned guard is dropped.
    pub fn enter(&self, state: CallState) -> InState {
        let gauge = self.in_state.with_label_values(&[state.as_str()]);
        gauge.inc();
        InState(gauge)
    }

    /// Calls begun by an agent, by its file's name.
    pub fn begun(&self, agent: &str) -> IntCounter {
        self.begun.with_label_values(&[self.agents.label(agent)])
    }

    /// Calls ended by an agent for this reason.
    pub fn ended(&self, agent: &str, reason: &str) -> IntCounter {
        self.ended
            .with_label_values(&[self.agents.label(agent), reason])
    }

    /// Calls that reached this status.
    pub fn status(&self, status: &str) -> IntCounter {
        self.statuses.with_label_values(&[status])
    }

    /// Utterances that began.
    pub fn utterances_begun(&self) -> &IntCounter {
        &self.utterances_begun
    }

    /// Utterances that closed this way.
    pub fn utterance(&self, closed: &str) -> IntCounter {
        self.utterances.with_label_values(&[closed])
    }

    /// Sentences that began.
    pub fn sentences_begun(&self) -> &IntCounter {
        &self.sentences_begun
    }

    /// Sentences that closed this way.
    pub fn sentence(&self, closed: &str) -> IntCounter {
        self.sentences.with_label_values(&[closed])
    }

    /// Sentences that could not be spoken because this part failed.
    pub fn sentence_failed(&self, part: &str) -> IntCounter {
        self.sentence(&format!("failed_{part}"))
    }

    /// Failures of a part.
    pub fn failed(&self, part: &str) -> IntCounter {
        self.failures.with_label_values(&[part])
    }

    /// Tool runs that succeeded, or failed.
    pub fn tool(&self, ok: bool) -> IntCounter {
        let result = if ok { "ok" } else { "failed" };
        self.tools.with_label_values(&[result])
    }

    /// Records how much time of a reply a stage took.
    pub fn stage(&self, stage: &str, took: Duration) {
        let stage = self.stages.with_label_values(&[stage]);
        stage.observe(took.as_secs_f64());
    }
}

/// Counts a call in one state until it is dropped.
#[derive(Debug)]
pub struct InState(IntGauge);

impl Drop for InState {
    fn drop(&mut self) {
        self.0.dec();
    }
}
