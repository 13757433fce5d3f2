//! The worker of this process, the call records it has on disk, and the pool as recorded in the store.

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::register::Register;
use crate::WorkerStatus;

/// See the module's documentation.
#[derive(Debug)]
pub struct Workers {
    load: Gauge,
    /// The most calls that it takes at once.
    pub slots: IntGauge,
    jobs: IntGauge,
    registered: IntGauge,
    draining: IntGauge,
    offers: IntCounterVec,
    job_ends: IntCounterVec,
    /// Bytes of call records on disk that wait for the database.
    pub spool_bytes: IntGauge,
    /// Files of such records.
    pub spool_files: IntGauge,
    /// Entries that were lost because the database, or a full spool, refused them.
    pub entries_lost: IntCounter,
    pool: IntGaugeVec,
    /// Calls that the pool's workers hold.
    pub pool_calls: IntGauge,
    /// The most calls that they take at once.
    pub pool_slots: IntGauge,
}

impl Workers {
    pub(super) fn new(register: &Register) -> Self {
        let this = Self {
            load: register.level(
                "sidetone_worker_load",
                "Load that this worker reports to LiveKit, 0 to 1; at 0.7 it gets no more calls.",
            ),
            slots: register.gauge(
                "sidetone_worker_slots",
                "Most calls that this worker takes at once; 0 if this process has no worker.",
            ),
            jobs: register.gauge("sidetone_worker_jobs", "Jobs in progress in this worker."),
            registered: register.gauge(
                "sidetone_worker_registered",
                "1 while this worker is registered with LiveKit.",
            ),
            draining: register.gauge(
                "sidetone_worker_draining",
                "1 while this worker takes no more jobs.",
            ),
            offers: register.counters(
                "sidetone_job_offers_total",
                "Jobs that LiveKit offered to this worker, by the worker's answer.",
                &["answer"],
            ),
            job_ends: register.counters(
                "sidetone_jobs_ended_total",
                "Jobs of this worker that ended, by the outcome reported to LiveKit.",
                &["outcome"],
            ),
            spool_bytes: register.gauge(
                "sidetone_spool_bytes",
                "Bytes of call records on this disk that wait for the database.",
            ),
            spool_files: register.gauge(
                "sidetone_spool_files",
                "Files of call records on this disk, including those of calls in progress.",
            ),
            entries_lost: register.counter(
                "sidetone_record_entries_lost_total",
                "Entries of call records refused by the database or by a full spool.",
            ),
            pool: register.gauges(
                "sidetone_pool_workers",
                "Workers on all machines that share the database, by state; lost means silent for 20 s.",
                &["state"],
            ),
            pool_calls: register.gauge(
                "sidetone_pool_calls",
                "Calls held by the pool's workers, without lost workers.",
            ),
            pool_slots: register.gauge(
                "sidetone_pool_slots",
                "Most calls that the pool's ready workers take at once.",
            ),
        };
        for taken in [true, false] {
            this.offered(taken);
            this.job_ended(taken);
        }
        this
    }

    /// Records what the worker of this process is doing.
    pub fn is(&self, status: &WorkerStatus) {
        self.load.set(status.load.into());
        self.jobs.set(count(status.jobs.len()));
        self.registered.set(status.worker_id.is_some().into());
        self.draining.set(status.draining.into());
    }

    /// Job offers that were accepted, or refused.
    pub fn offered(&self, taken: bool) -> IntCounter {
        let answer = if taken { "taken" } else { "refused" };
        self.offers.with_label_values(&[answer])
    }

    /// Jobs that succeeded, or failed.
    pub fn job_ended(&self, success: bool) -> IntCounter {
        let outcome = if success { "success" } else { "failed" };
        self.job_ends.with_label_values(&[outcome])
    }

    /// Workers of the pool in this state.
    pub fn pool(&self, state: &str) -> IntGauge {
        self.pool.with_label_values(&[state])
    }
}

/// Converts a number to a gauge's type.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
