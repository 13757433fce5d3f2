//! What a call consumed of its providers, and what happened to everything that was said in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::in_call;
use super::{Store, StoreError, on};

/// What a call consumed: its replies, summaries and result together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = CallUsage)]
pub struct Usage {
    /// Tokens that models read, including those from a provider's cache.
    pub prompt_tokens: u64,
    /// How many of these were read from a provider's cache.
    pub cached_tokens: u64,
    /// Tokens that models wrote.
    pub completion_tokens: u64,
    /// Characters sent to be spoken.
    pub tts_characters: u64,
    /// Seconds of audio sent to be transcribed; work ahead sends some of it twice.
    pub stt_seconds: f64,
}

/// What happened to everything that was said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = CallLedger)]
pub struct Ledger {
    /// The caller's utterances.
    pub caller: Utterances,
    /// The agent's sentences.
    pub agent: Sentences,
}

/// Stretches of the caller's speech, and typed messages. Once a call is over, `opened` is the sum of the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = CallUtterances)]
pub struct Utterances {
    /// All utterances.
    pub opened: u64,
    /// Those whose answer was heard.
    pub answered: u64,
    /// Those after which the caller went on: a later utterance stands for them.
    pub superseded: u64,
    /// Those that got no answer, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// The agent's sentences. Once a call is over, `begun` is the sum of the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = CallSentences)]
pub struct Sentences {
    /// All sentences.
    pub begun: u64,
    /// Those heard to their end.
    pub heard: u64,
    /// Those cut short by the caller, or by the end of the call.
    pub cut: u64,
    /// Those that could not be spoken, by the stage that failed.
    pub failed: BTreeMap<String, u64>,
}

/// What a call consumed, and what happened to what was said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// What the call consumed.
    pub usage: Usage,
    /// What happened to what was said.
    pub ledger: Ledger,
}

impl Usage {
    /// The sum of both.
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens + other.prompt_tokens,
            cached_tokens: self.cached_tokens + other.cached_tokens,
            completion_tokens: self.completion_tokens + other.completion_tokens,
            tts_characters: self.tts_characters + other.tts_characters,
            stt_seconds: self.stt_seconds + other.stt_seconds,
        }
    }
}

impl Ledger {
    /// The sum of both.
    pub fn plus(self, other: Self) -> Self {
        let sum = |mut a: BTreeMap<String, u64>, b: BTreeMap<String, u64>| {
            for (reason, count) in b {
                *a.entry(reason).or_default() += count;
            }
            a
        };
        let (caller, agent) = (self.caller, self.agent);
        Self {
            caller: Utterances {
                opened: caller.opened + other.caller.opened,
                answered: caller.answered + other.caller.answered,
                superseded: caller.superseded + other.caller.superseded,
                dropped: sum(caller.dropped, other.caller.dropped),
            },
            agent: Sentences {
                begun: agent.begun + other.agent.begun,
                heard: agent.heard + other.agent.heard,
                cut: agent.cut + other.agent.cut,
                failed: sum(agent.failed, other.agent.failed),
            },
        }
    }
}

type Stored = (Option<Json<Usage>>, Option<Json<Ledger>>);

impl Store {
    /// Stores the figures of one agent's part of a call, replacing those that it wrote before, and the call's own
    /// figures: the sum over its agents. `job` names the part and `n` increases with each write, so a late older write
    /// changes nothing. Returns false if there is no such call, or it was erased.
    ///
    /// # Errors
    /// The database did not answer; nothing has changed then.
    pub async fn save_figures(
        &self,
        call_id: Uuid,
        job: &str,
        n: i64,
        figures: &Figures,
    ) -> Result<bool, StoreError> {
        const PART: &str = "INSERT INTO call_figures (call_id, job, n, usage, ledger) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (call_id, job) DO UPDATE SET \
             n = excluded.n, usage = excluded.usage, ledger = excluded.ledger \
             WHERE call_figures.n <= excluded.n";
        const PARTS: &str = "SELECT usage, ledger FROM call_figures WHERE call_id = $1";
        const SUM: &str = "UPDATE voice_calls SET usage = $2, ledger = $3 WHERE id = $1";
        // The call is locked, or two agents' sums would miss each other's parts.
        Ok(in_call!(self, call_id, |tx| {
            sqlx::query(PART)
                .bind(call_id)
                .bind(job)
                .bind(n)
                .bind(Json(figures.usage))
                .bind(Json(&figures.ledger))
                .execute(&mut *tx)
                .await?;
            let parts: Vec<(Json<Usage>, Json<Ledger>)> = sqlx::query_as(PARTS)
                .bind(call_id)
                .fetch_all(&mut *tx)
                .await?;
            let (mut usage, mut ledger) = (Usage::default(), Ledger::default());
            for (Json(part), Json(of_part)) in parts {
                (usage, ledger) = (usage.plus(part), ledger.plus(of_part));
            }
            sqlx::query(SUM)
                .bind(call_id)
                .bind(Json(usage))
                .bind(Json(&ledger))
                .execute(&mut *tx)
                .await?;
            true
        }))
    }

    /// A call's figures. `None` while nothing has been said.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn figures(&self, call_id: Uuid) -> Result<Option<Figures>, StoreError> {
        const SELECT: &str = "SELECT usage, ledger FROM voice_calls WHERE id = $1";
        let row: Option<Stored> = on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?);
        let Some((usage, ledger)) = row else {
            return Ok(None);
        };
        let usage = usage.map(|usage| usage.0);
        Ok(usage.map(|usage| Figures {
            usage,
            ledger: ledger.map(|ledger| ledger.0).unwrap_or_default(),
        }))
    }
}
