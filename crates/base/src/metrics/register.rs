//! Where metrics are declared, with name, help text and labels.

use prometheus::core::Collector;
use prometheus::proto::{Metric, MetricFamily};
use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// [`Metrics`](super::Metrics) declares all names and labels, which are literals, when it is created: a mistake among
/// them ends every process and every test at its start.
const LITERAL: &str = "names and labels are literals that can be used, each name once";

/// The registry of all metrics.
#[derive(Debug, Default)]
pub(super) struct Register(Registry);

impl Register {
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.0.gather()
    }

    /// The samples of one metric.
    pub(super) fn samples(metric: &impl Collector) -> Vec<Metric> {
        let families = metric.collect();
        families
            .iter()
            .flat_map(|family| family.get_metric())
            .cloned()
            .collect()
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.shown(IntCounter::new(name, help))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.shown(IntCounterVec::new(Opts::new(name, help), labels))
    }

    /// For values that are not whole numbers: seconds, dollars.
    pub(super) fn sum(&self, name: &str, help: &str) -> Counter {
        self.shown(Counter::new(name, help))
    }

    pub(super) fn sums(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        self.shown(CounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.shown(IntGauge::new(name, help))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.shown(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// For values that are not whole numbers.
    pub(super) fn level(&self, name: &str, help: &str) -> Gauge {
        self.shown(Gauge::new(name, help))
    }

    pub(super) fn levels(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.shown(GaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.shown(Histogram::with_opts(options))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: &[&str],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.shown(HistogramVec::new(options, labels))
    }

    fn shown<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let metric = made.expect(LITERAL);
        self.0.register(Box::new(metric.clone())).expect(LITERAL);
        metric
    }
}
