//! Asks a provider as it wants to be asked: what it refuses of a request is given up at once and for
//! all calls, and what it says about it is told.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::dialect::{Dialect, Dialects, Key};
use super::error::{ErrorKind, ProviderError, Stage};
use super::http::{ApiKey, Provider};
use super::refusal::{Refusal, Refused};
use super::said::said;

/// Times that one request is asked otherwise after a refusal.
const REPHRASED: usize = 8;

/// What is known of one provider, for those who talk with it over a socket. Cloning shares it.
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
    /// How it wants to be asked.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialects.of(&self.key)
    }

    /// Leaves out from now on what a refusal of `sent` names. Answers whether another try makes
    /// sense; `needed` fields are never left out.
    pub(super) fn learn(&self, refusal: &Refusal, sent: &Value, needed: &[&str]) -> bool {
        let mut now = sent.clone();
        self.dialect().apply(&mut now, needed);
        // Requests in flight together are refused together, and teach once.
        if now != *sent {
            return true;
        }
        let mut is_new = false;
        self.dialects.learned(&self.key, |dialect| {
            is_new = dialect.learn_named(refusal, sent, needed);
        });
        is_new
    }

    /// Of a provider that nobody has asked yet.
    pub(super) fn nothing_of(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            stage: Stage::Tts,
            secrets: Vec::new(),
            dialects: Dialects::default(),
            key: (Stage::Tts, host.to_owned(), String::new()),
        }
    }

    /// From an event that reports an error about `sent`.
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

    /// Who is asked, for what, with which keys: the same for the same answers.
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

    /// What is known of how it wants to be asked.
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

    /// Remembers how its answers open: in the middle of a thought, or not.
    pub(super) fn opens(&self, in_thought: bool) {
        let known = self.dialect();
        let learn = |known: &mut Dialect| {
            known.opens_in_thought |= in_thought;
            known.opens_plainly |= !in_thought;
        };
        let is_known = known.opens_in_thought || known.opens_plainly && !in_thought;
        if !is_known {
            self.dialects.learned(&self.key(), learn);
        }
    }

    /// Asks with `fields`, and where the provider refuses some of them, at once again as it takes
    /// them: what helped is remembered for all calls. `needed` ones are never left out. Answers
    /// with what was asked in the end.
    pub(super) async fn ask(
        &self,
        fields: impl Fn(&Dialect) -> Value,
        needed: &[&str],
        request: impl Fn(&Value) -> RequestBuilder,
    ) -> Result<(Response, Value), ProviderError> {
        let mut dialect = self.dialect();
        let mut first = None;
        loop {
            let mut asked = fields(&dialect);
            dialect.apply(&mut asked, needed);
            let refused = match self.try_once(request(&asked)).await? {
                Ok(response) => {
                    if first.is_some() {
                        self.learned(&dialect);
                    }
                    return Ok((response, asked));
                }
                Err(refused) => refused,
            };
            let error = self.refused(&refused, &asked);
            let Refused {
                status, refusal, ..
            } = &refused;
            let can_help = match error.kind {
                ErrorKind::Refused => (400..=422).contains(status),
                ErrorKind::Server => *status == 501,
                _ => false,
            };
            let is_known = match error.kind {
                // No path and no model is a field's fault, unless it says so.
                ErrorKind::NotFound => dialect.learn_named(refusal, &asked, needed),
                _ => can_help && dialect.learn(refusal, &asked, needed),
            };
            let tried = first.as_ref().map_or(0, |(_, tried)| *tried);
            if !is_known || tried >= REPHRASED {
                // What was refused first is what the operator can understand.
                return Err(match first {
                    Some((first, _)) if error.kind == ErrorKind::Refused => first,
                    _ => error,
                });
            }
            tracing::debug!(stage = %self.stage, status, ?refusal, "asked otherwise");
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

    /// The provider's own message, fit to be seen.
    fn said(&self, refusal: &Refusal, asked: &Value) -> String {
        let secrets: Vec<&str> = self.secrets.iter().map(|s| s.0.as_str()).collect();
        said(&refusal.message, &secrets, asked)
    }

    /// From an error within an answer to what was `asked`.
    pub(super) fn within_answer(&self, refusal: &Refusal, asked: &Value) -> ProviderError {
        let said = self.said(refusal, asked);
        ProviderError::within_answer(self.stage, &self.host, refusal, &said)
    }
}
