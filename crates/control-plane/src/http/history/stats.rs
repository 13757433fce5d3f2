//! Numbers over calls.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use sidetone_store::history::{AgentStats, Stats};

/// Numbers over all calls that the filter finds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatsInfo {
    by_status: BTreeMap<&'static str, i64>,
    by_type: BTreeMap<&'static str, i64>,
    /// Share of ended calls in which both sides met, 0 to 1.
    answered_rate: Option<f64>,
    mean_duration_seconds: Option<f64>,
    total_duration_seconds: i64,
    /// Median time to the agent's first sound, ms.
    median_latency_ms: Option<f64>,
    /// By agent and variant.
    by_agent: Vec<AgentStatsInfo>,
}

/// Numbers of an agent, or of one of its variants.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatsInfo {
    agent: String,
    /// None: the agent as it stood.
    variant: Option<String>,
    calls: i64,
    /// Calls that came to a result.
    results: i64,
    /// Of those, calls whose callers got what they wanted.
    resolved: i64,
    mean_duration_seconds: Option<f64>,
}

impl From<AgentStats> for AgentStatsInfo {
    fn from(stats: AgentStats) -> Self {
        Self {
            agent: stats.agent,
            variant: stats.variant,
            calls: stats.calls,
            results: stats.results,
            resolved: stats.resolved,
            mean_duration_seconds: stats.mean_duration_seconds,
        }
    }
}

impl From<Stats> for StatsInfo {
    fn from(stats: Stats) -> Self {
        let by_status = stats.by_status;
        let by_type = stats.by_type;
        Self {
            by_status: by_status
                .into_iter()
                .map(|(key, n)| (key.as_str(), n))
                .collect(),
            by_type: by_type
                .into_iter()
                .map(|(key, n)| (key.as_str(), n))
                .collect(),
            answered_rate: stats.answered_rate,
            mean_duration_seconds: stats.mean_duration_seconds,
            total_duration_seconds: stats.total_duration_seconds,
            median_latency_ms: stats.median_latency_ms,
            by_agent: stats.by_agent.into_iter().map(Into::into).collect(),
        }
    }
}
