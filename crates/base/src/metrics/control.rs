//! The control plane: LiveKit's events, agent dispatches, post-call webhooks, and the database.

use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::register::Register;

/// Buckets in seconds. LiveKit states the time of its events in whole seconds.
const LAG: &[f64] = &[0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Buckets for a database's answers, in seconds.
const ANSWERS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// See the module's documentation.
#[derive(Debug)]
pub struct Control {
    events: IntCounterVec,
    /// From LiveKit's time of an event until it was handled.
    pub event_lag: Histogram,
    /// Events that wait to be handled.
    pub events_waiting: IntGauge,
    /// Age of the oldest of them, in seconds.
    pub events_oldest: Gauge,
    askings: IntCounterVec,
    /// Calls that were given up because no agent joined.
    pub given_up: IntCounter,
    posts: IntCounterVec,
    /// Webhooks that are due but not delivered.
    pub posts_waiting: IntGauge,
    /// How long the oldest of them has been due, in seconds.
    pub posts_oldest: Gauge,
    /// Call results that are still owed.
    pub results_owed: IntGauge,
    open_calls: IntGaugeVec,
    lanes: IntGaugeVec,
    lanes_full: IntCounterVec,
    database_up: IntGaugeVec,
    /// How long the database took to answer a scrape.
    pub database_took: Histogram,
}

impl Control {
    pub(super) fn new(register: &Register) -> Self {
        let this = Self {
            events: register.counters(
                "sidetone_livekit_events_total",
                "LiveKit events (webhooks), by result.",
                &["result"],
            ),
            event_lag: register.histogram(
                "sidetone_livekit_event_lag_seconds",
                "Time from an event's creation at LiveKit, in whole seconds, until it was handled.",
                LAG,
            ),
            events_waiting: register.gauge(
                "sidetone_livekit_events_waiting",
                "LiveKit events in the database that wait to be handled.",
            ),
            events_oldest: register.level(
                "sidetone_livekit_events_oldest_seconds",
                "Age of the oldest waiting event.",
            ),
            askings: register.counters(
                "sidetone_agent_dispatches_total",
                "Agent dispatches requested from LiveKit by this control plane, by reason: first of a call, again \
                 because no agent joined, in place of a lost agent, or the request failed.",
                &["why"],
            ),
            given_up: register.counter(
                "sidetone_calls_given_up_total",
                "Calls that this control plane gave up because no agent joined.",
            ),
            posts: register.counters(
                "sidetone_webhook_posts_total",
                "Deliveries of call webhooks, by result.",
                &["result"],
            ),
            posts_waiting: register.gauge(
                "sidetone_outbox_waiting",
                "Call webhooks in the database that are due and not delivered.",
            ),
            posts_oldest: register.level(
                "sidetone_outbox_oldest_seconds",
                "Time since the oldest undelivered call webhook was due.",
            ),
            results_owed: register.gauge(
                "sidetone_results_owed",
                "Call results that are still to be made.",
            ),
            open_calls: register.gauges(
                "sidetone_open_calls",
                "Open calls in the database, by status.",
                &["status"],
            ),
            lanes: register.gauges(
                "sidetone_queue_depth",
                "Jobs running or waiting in one of this process's queues.",
                &["queue"],
            ),
            lanes_full: register.counters(
                "sidetone_queue_full_total",
                "Jobs refused because a queue was full.",
                &["queue"],
            ),
            database_up: register.gauges(
                "sidetone_database_up",
                "1 if the database answered this scrape; otherwise its figures are those of the last answer.",
                &[],
            ),
            database_took: register.histogram(
                "sidetone_database_seconds",
                "Time the database took to answer a scrape.",
                ANSWERS,
            ),
        };
        for result in ["taken", "repeated", "refused", "acted_on", "failed"] {
            this.event(result);
        }
        for why in ["first", "again", "instead_of_lost", "handed_over", "failed"] {
            this.asked(why);
        }
        for result in ["delivered", "again", "given_up"] {
            this.post(result);
        }
        this
    }

    /// LiveKit's events with this result.
    pub fn event(&self, result: &str) -> IntCounter {
        self.events.with_label_values(&[result])
    }

    /// Dispatches for this reason.
    pub fn asked(&self, why: &str) -> IntCounter {
        self.askings.with_label_values(&[why])
    }

    /// Webhook deliveries with this result.
    pub fn post(&self, result: &str) -> IntCounter {
        self.posts.with_label_values(&[result])
    }

    /// Open calls with this status.
    pub fn open_calls(&self, status: &str) -> IntGauge {
        self.open_calls.with_label_values(&[status])
    }

    /// 1 if the database answered. Set only by a process that queries it for a scrape.
    pub fn database_up(&self) -> IntGauge {
        self.database_up.with_label_values::<&str>(&[])
    }

    /// Jobs running or waiting in a queue.
    pub fn queue(&self, name: &str) -> IntGauge {
        self.queue_full(name);
        self.lanes.with_label_values(&[name])
    }

    /// Jobs that a queue refused.
    pub fn queue_full(&self, name: &str) -> IntCounter {
        self.lanes_full.with_label_values(&[name])
    }
}
