//! What asking a provider is measured by: answers, failures, what was used and what that costs.

use std::sync::Arc;
use std::time::Instant;

use crate::part::Part;
use crate::providers::{Fault, ProviderError};
use crate::requests::{self, Request, Requests};
use sidetone_base::clock;
use sidetone_base::metrics::{self, IntGauge, OfProvider, metrics};
use sidetone_config::prices::{Price, Used};
use sidetone_turn::ReplyId;

/// The measures of one provider of one stage; cheap to clone.
#[derive(Clone, Debug)]
pub struct Measured {
    of: Arc<OfProvider>,
    price: Option<Arc<Price>>,
    stage: Part,
    /// Its name, and its model's.
    names: [Arc<str>; 2],
    requests: Requests,
}

impl Measured {
    /// Of the provider that agents' files call `name`, asked for `model`.
    pub fn new(stage: Part, name: &str, model: &str, price: Option<&Price>) -> Self {
        let of = metrics().providers.of(stage.as_str(), name, model);
        of.priced.set(price.map_or(0.0, Price::day));
        Self {
            of: Arc::new(of),
            price: price.cloned().map(Arc::new),
            stage,
            names: [name.into(), model.into()],
            requests: Requests::default(),
        }
    }

    /// The same, whose requests are told to these.
    #[must_use]
    pub fn reported(mut self, requests: &Requests) -> Self {
        self.requests = requests.clone();
        self
    }

    /// 1 while the provider counts as failed.
    pub(super) fn out(&self) -> IntGauge {
        self.of.out.clone()
    }

    /// It is asked now, and sent this.
    pub(crate) fn asked(&self, sent: Used) -> Asking {
        self.of.requests.inc();
        self.sent(&sent);
        Asking {
            measured: self.clone(),
            reply: requests::reply(),
            begun: clock::now(),
            first: None,
            used: sent,
            fault: None,
        }
    }

    /// A request failed.
    pub(super) fn failed(&self, error: &ProviderError) {
        self.of.failed(match error.fault {
            Fault::Refused => metrics::Fault::Refused,
            Fault::TooLong => metrics::Fault::TooLong,
            Fault::Limited => metrics::Fault::Limited,
            Fault::Sick => metrics::Fault::Sick,
        });
    }

    /// Another was asked in its place.
    pub(super) fn left(&self) {
        self.of.fallbacks.inc();
    }

    /// It hears the caller from now on, by the piece.
    pub(super) fn listens(&self) {
        self.of.requests.inc();
        if self.price.is_none() {
            self.of.cost_unknown.inc();
        }
    }

    /// It was sent a piece of what the caller says.
    pub(super) fn heard(&self, heard_ms: u64) {
        let used = Used {
            heard_ms,
            ..Used::default()
        };
        self.sent(&used);
        if let Some(cost) = self.price.as_ref().and_then(|price| price.cost(&used)) {
            self.of.cost.inc_by(cost);
        }
    }

    fn sent(&self, sent: &Used) {
        self.of.characters.inc_by(sent.characters);
        self.of.heard.inc_by(seconds(sent.heard_ms));
    }
}

/// A provider that is being asked. What it used is settled when this is dropped: who breaks off an answer
/// pays for what came.
#[derive(Debug)]
pub(crate) struct Asking {
    measured: Measured,
    reply: Option<ReplyId>,
    begun: Instant,
    /// The first piece came.
    first: Option<Instant>,
    used: Used,
    fault: Option<Fault>,
}

impl Asking {
    /// A piece of the answer came, which used this.
    pub(crate) fn came(&mut self, used: Used) {
        if self.first.is_none() {
            let now = clock::now();
            self.first = Some(now);
            let took = now.saturating_duration_since(self.begun);
            self.measured.of.first_answer.observe(took.as_secs_f64());
        }
        self.used.prompt_tokens += used.prompt_tokens;
        self.used.cached_tokens += used.cached_tokens;
        self.used.completion_tokens += used.completion_tokens;
        self.used.spoken_ms += used.spoken_ms;
    }

    /// It failed.
    pub(crate) fn failed(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    fn report(&self) {
        let Measured {
            stage,
            names: [provider, model],
            requests,
            ..
        } = &self.measured;
        if requests.are_watched() {
            requests.take(Request {
                stage: *stage,
                provider: Arc::clone(provider),
                model: Arc::clone(model),
                reply: self.reply,
                begun: self.begun,
                first: self.first,
                ended: clock::now(),
                used: self.used,
                fault: self.fault,
            });
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.report();
        // What failed before its first piece is not paid for.
        if self.first.is_none() {
            return;
        }
        let (of, used) = (&self.measured.of, &self.used);
        of.prompt_tokens.inc_by(used.prompt_tokens);
        of.cached_tokens.inc_by(used.cached_tokens);
        of.completion_tokens.inc_by(used.completion_tokens);
        of.spoken.inc_by(seconds(used.spoken_ms));
        let price = self.measured.price.as_ref();
        match price.and_then(|price| price.cost(used)) {
            Some(cost) => of.cost.inc_by(cost),
            None => of.cost_unknown.inc(),
        }
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests;
