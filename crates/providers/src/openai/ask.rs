//! Sends requests in the form that a provider accepts: what it refuses of a request is left out at once and for all
//! calls, and logged.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::dialect::{Beginning, Dialect, Dialects, Key};
use super::error::{ErrorKind, ProviderError, Stage};
use super::http::{ApiKey, Provider};
use super::refusal::{Refusal, Refused};
use super::said::said;

/// How often one request is rephrased after a refusal.
const REPHRASED: usize = 8;

/// What is known about one provider, for the code that talks to it over a socket. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// For messages.
    pub host: String,
    stage: Stage,
    secrets: Vec<ApiKey>,
    dialects: Dialects,
    key: Key,
}

impl Known {
    /// The dialect as known now.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialects.of(&self.key)
    }

    /// Leaves out from now on what a refusal of `sent` names. Returns whether another attempt makes sense; `needed`
    /// fields are never left out.
    pub(super) fn learn(&self, refusal: &Refusal, sent: &Value, needed: &[&str]) -> bool {
        let mut now = sent.clone();
        self.dialect().apply(&mut now, needed);
        // Requests in flight together are refused together, and only the first refusal teaches something.
        if now != *sent {
            return true;
        }
        let mut is_new = false;
        self.dialects.learned(&self.key, |dialect| {
            is_new = dialect.learn_named(refusal, sent, needed);
        });
        is_new
    }

    /// For a provider that has not been asked yet.
    pub(super) fn nothing_of(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            stage: Stage::Tts,
            secrets: Vec::new(),
            dialects: Dialects::default(),
            key: (Stage::Tts, host.to_owned(), String::new()),
        }
    }

    /// Builds the error for an event that reports a failure of `sent`.
    pub(super) fn failure(&self, refusal: &Refusal, sent: &Value) -> ProviderError {
        let secrets: Vec<&str> = self.secrets.iter().map(|s| s.0.as_str()).collect();
        let said = said(&refusal.message, &secrets, sent);
        ProviderError::within_answer(self.stage, &self.host, refusal, &said)
    }
}

impl Provider {
    /// See [`Known`].
    pub(super) fn known(&self) -> Known {
        Known {
            host: self.host.clone(),
            stage: self.stage,
            secrets: self.secrets.clone(),
            dialects: self.dialects.clone(),
            key: self.key(),
        }
    }

    /// Which provider is asked, for what, and with which keys: equal for clients that get the same answers.
    pub(super) fn identity(&self) -> (Key, Vec<ApiKey>) {
        (self.key(), self.secrets.clone())
    }

    fn key(&self) -> Key {
        (
            self.stage,
            self.address.base().to_owned(),
            self.model.clone(),
        )
    }

    /// The dialect as known now.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialects.of(&self.key())
    }

    /// Remembers what helped.
    pub(super) fn learned(&self, dialect: &Dialect) {
        tracing::info!(stage = %self.stage, host = %self.host, model = self.model, ?dialect,
            "the provider refused a part of the request: it is asked without it from now on");
        self.dialects
            .learned(&self.key(), |known| known.adopt(dialect));
    }

    /// Remembers how an answer's text has begun: the next one will mostly begin alike.
    pub(super) fn began(&self, beginning: Beginning) {
        let known = self.dialect();
        let mut now = known.clone();
        now.began(beginning);
        if now != known {
            self.dialects
                .learned(&self.key(), |known| known.began(beginning));
        }
    }

    /// Remembers that this provider says when an answer is complete: one without that broke off.
    pub(super) fn marks_end(&self) {
        if !self.dialect().marks_end {
            self.dialects
                .learned(&self.key(), |known| known.marks_end = true);
        }
    }

    /// Sends `fields`. If the provider refuses some of them, sends the request again at once without them, and
    /// remembers for all calls what helped. `needed` fields are never left out. Returns the answer with the fields that
    /// were sent in the end.
    pub(super) async fn ask(
        &self,
        fields: impl Fn(&Dialect) -> Value,
        needed: &[&str],
        request: impl Fn(&Value) -> RequestBuilder,
    ) -> Result<(Response, Value), ProviderError> {
        let mut dialect = self.dialect();
        let mut tries_whole = false;
        if dialect.is_bare() {
            let counted = |known: &mut Dialect| tries_whole = known.is_to_try_whole();
            self.dialects.learned(&self.key(), counted);
        }
        if tries_whole {
            dialect = dialect.whole();
        }
        let mut first = None;
        let mut is_again = false;
        loop {
            let mut asked = fields(&dialect);
            dialect.apply(&mut asked, needed);
            let refused = match self.try_once(request(&asked)).await? {
                Ok(response) => {
                    if first.is_some() {
                        self.learned(&dialect);
                    } else if tries_whole {
                        self.dialects.learned(&self.key(), Dialect::is_whole_again);
                    }
                    return Ok((response, asked));
                }
                Err(refused) => refused,
            };
            let error = self.refused(&refused, &asked);
            let Refused {
                status, refusal, ..
            } = &refused;
            if refusal.is_of_answer() {
                // No field's fault: what the model wrote this time was withheld or of no use.
                if std::mem::replace(&mut is_again, true) {
                    return Err(error);
                }
                continue;
            }
            let can_help = match error.kind {
                ErrorKind::Refused => (400..=422).contains(status),
                ErrorKind::Server => *status == 501,
                _ => false,
            };
            let is_known = match error.kind {
                // An unknown path or model is no field's fault, unless the refusal names one.
                ErrorKind::NotFound => dialect.learn_named(refusal, &asked, needed),
                _ => can_help && dialect.learn(refusal, &asked, needed),
            };
            let tried = first.as_ref().map_or(0, |(_, tried)| *tried);
            if !is_known || tried >= REPHRASED {
                // The operator can make most sense of the first refusal.
                return Err(match first {
                    Some((first, _)) if error.kind == ErrorKind::Refused => first,
                    _ => error,
                });
            }
            tracing::debug!(stage = %self.stage, status, ?refusal, "the request is sent again in another form");
            first = Some((first.map_or(error, |(first, _)| first), tried + 1));
        }
    }

    pub(super) fn refused(&self, refused: &Refused, asked: &Value) -> ProviderError {
        let Refused {
            status,
            retry_after,
            refusal,
        } = refused;
        let said = self.said(refusal, asked);
        ProviderError::status(
            self.stage,
            &self.host,
            *status,
            *retry_after,
            refusal,
            &said,
        )
    }

    /// The provider's own message, safe to show.
    fn said(&self, refusal: &Refusal, asked: &Value) -> String {
        let secrets: Vec<&str> = self.secrets.iter().map(|s| s.0.as_str()).collect();
        said(&refusal.message, &secrets, asked)
    }

    /// Builds the error for a failure reported within the answer to `asked`.
    pub(super) fn within_answer(&self, refusal: &Refusal, asked: &Value) -> ProviderError {
        let said = self.said(refusal, asked);
        ProviderError::within_answer(self.stage, &self.host, refusal, &said)
    }
}
