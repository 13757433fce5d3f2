//! The services that stages use: requests, failures, consumption and cost.

use std::collections::BTreeMap;

use prometheus::proto::Metric;
use prometheus::{
    Counter, CounterVec, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec,
};

use super::names::Names;
use super::register::Register;
use crate::text_enum;

/// Buckets for the time from a request to the first piece of the answer, in seconds.
const FIRST: &[f64] = &[
    0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0,
];

text_enum! {
    /// Whose fault a failed request is.
    Fault {
        /// The request's fault.
        Refused = "refused",
        /// The conversation is too long for the model.
        TooLong = "too_long",
        /// The provider's rate limit was reached.
        Limited = "limited",
        /// The provider's fault.
        Sick = "sick",
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Providers {
    requests: IntCounterVec,
    errors: IntCounterVec,
    fallbacks: IntCounterVec,
    out: IntGaugeVec,
    first: HistogramVec,
    tokens: IntCounterVec,
    characters: IntCounterVec,
    heard: CounterVec,
    spoken: CounterVec,
    cost: CounterVec,
    unknown: IntCounterVec,
    priced: GaugeVec,
    names: Names,
    models: Names,
}

impl Providers {
    pub(super) fn new(register: &Register) -> Self {
        let asked = &["stage", "provider"];
        let model = &["stage", "provider", "model"];
        Self {
            requests: register.counters(
                "sidetone_provider_requests_total",
                "Requests to a provider; retries of the client count as one.",
                asked,
            ),
            errors: register.counters(
                "sidetone_provider_errors_total",
                "Requests that failed after retries, by kind of failure.",
                &["stage", "provider", "fault"],
            ),
            fallbacks: register.counters(
                "sidetone_provider_fallbacks_total",
                "Requests taken over by another provider, by the provider that failed.",
                asked,
            ),
            out: register.gauges(
                "sidetone_provider_out",
                "1 while a provider counts as failed: it is asked last, and probed in the background.",
                asked,
            ),
            first: register.histograms(
                "sidetone_provider_first_answer_seconds",
                "Time from a request to the first piece of the provider's answer.",
                FIRST,
                asked,
            ),
            tokens: register.counters(
                "sidetone_tokens_total",
                "Tokens as counted by the provider; cached tokens are included in those of the prompt.",
                &["stage", "provider", "model", "kind"],
            ),
            characters: register.counters(
                "sidetone_speech_characters_total",
                "Characters sent to speech synthesis.",
                model,
            ),
            heard: register.sums(
                "sidetone_transcribed_seconds_total",
                "Seconds of audio sent to speech recognition.",
                model,
            ),
            spoken: register.sums(
                "sidetone_spoken_seconds_total",
                "Seconds of speech received from speech synthesis.",
                model,
            ),
            cost: register.sums(
                "sidetone_cost_dollars_total",
                "Cost in US dollars by the price file; models without a price are not included.",
                model,
            ),
            unknown: register.counters(
                "sidetone_cost_unknown_total",
                "Answers of unknown cost: the model has no price, or its provider reported no tokens.",
                model,
            ),
            priced: register.levels(
                "sidetone_price_date_seconds",
                "Date of a model's price, seconds since 1970; 0 if the price is unknown.",
                model,
            ),
            names: Names::default(),
            models: Names::default(),
        }
    }

    /// Requests and errors so far, by stage and provider.
    pub(super) fn asked_so_far(&self) -> BTreeMap<(String, String), (u64, u64)> {
        let mut all = BTreeMap::<_, (u64, u64)>::new();
        let key = |sample: &Metric| {
            let label = |name: &str| {
                let labels = sample.get_label().iter();
                let found = labels.clone().find(|label| label.name() == name);
                found
                    .map(|label| label.value().to_owned())
                    .unwrap_or_default()
            };
            (label("stage"), label("provider"))
        };
        let count = |sample: &Metric| sample.get_counter().get_value() as u64;
        for sample in Register::samples(&self.requests) {
            all.entry(key(&sample)).or_default().0 += count(&sample);
        }
        for sample in Register::samples(&self.errors) {
            all.entry(key(&sample)).or_default().1 += count(&sample);
        }
        all
    }

    /// The metrics of a stage's provider, by the name that the agent's file gives it. All its series exist, at 0, from
    /// now on.
    pub fn of(&self, stage: &str, provider: &str, model: &str) -> OfProvider {
        let provider = self.names.label(provider);
        let model = self.models.label(model);
        let (asked, used) = ([stage, provider], [stage, provider, model]);
        let tokens = |kind: &str| {
            self.tokens
                .with_label_values(&[stage, provider, model, kind])
        };
        OfProvider {
            requests: self.requests.with_label_values(&asked),
            errors: Fault::ALL
                .iter()
                .map(|fault| {
                    let labels = [stage, provider, fault.as_str()];
                    (*fault, self.errors.with_label_values(&labels))
                })
                .collect(),
            fallbacks: self.fallbacks.with_label_values(&asked),
            out: self.out.with_label_values(&asked),
            first_answer: self.first.with_label_values(&asked),
            prompt_tokens: tokens("prompt"),
            cached_tokens: tokens("cached"),
            completion_tokens: tokens("completion"),
            characters: self.characters.with_label_values(&used),
            heard: self.heard.with_label_values(&used),
            spoken: self.spoken.with_label_values(&used),
            cost: self.cost.with_label_values(&used),
            cost_unknown: self.unknown.with_label_values(&used),
            priced: self.priced.with_label_values(&used),
        }
    }
}

/// The metrics of one provider of one stage.
#[derive(Clone, Debug)]
pub struct OfProvider {
    /// Requests.
    pub requests: IntCounter,
    errors: Vec<(Fault, IntCounter)>,
    /// Requests that another provider took over.
    pub fallbacks: IntCounter,
    /// 1 while it counts as failed.
    pub out: IntGauge,
    /// Time from a request to the first piece of the answer.
    pub first_answer: Histogram,
    /// Tokens of prompts.
    pub prompt_tokens: IntCounter,
    /// How many of these came from the provider's cache.
    pub cached_tokens: IntCounter,
    /// Tokens of completions.
    pub completion_tokens: IntCounter,
    /// Characters sent to be spoken.
    pub characters: IntCounter,
    /// Seconds of audio sent to be transcribed.
    pub heard: Counter,
    /// Seconds of speech received.
    pub spoken: Counter,
    /// Cost in US dollars.
    pub cost: Counter,
    /// Answers of unknown cost.
    pub cost_unknown: IntCounter,
    /// The date of its price.
    pub priced: prometheus::Gauge,
}

impl OfProvider {
    /// Counts a request that failed by this fault.
    pub fn failed(&self, fault: Fault) {
        for (_, count) in self.errors.iter().filter(|(of, _)| *of == fault) {
            count.inc();
        }
    }
}
