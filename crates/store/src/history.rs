//! The call history: filtered pages of calls, and their statistics.

mod said;

use std::collections::BTreeMap;

use super::{At, Call, CallStatus, CallType, Store, StoreError, on};
pub use said::MetadataIs;
pub(super) use said::Says;

/// Selects calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only calls that this user made, received or was in, except erased ones. `None` for everybody's.
    pub user_id: Option<String>,
    /// Only calls of this type.
    pub call_type: Option<CallType>,
    /// Only calls with this status.
    pub status: Option<CallStatus>,
    /// Only calls created at or after this time.
    pub from: Option<At>,
    /// Only calls created before this time.
    pub to: Option<At>,
    /// Words in the transcript, or part of a room's name or a caller's id.
    pub text: Option<String>,
    /// Fields of the calls' metadata; all of them must match.
    pub metadata: Vec<MetadataIs>,
}

/// The highest total that a page counts to. Both databases read every entry they count, so an exact count of a million
/// calls takes longer than the page itself (`docs/history-queries.md`).
pub const COUNTED: i64 = 10_000;

/// A page of calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Newest first.
    pub calls: Vec<Call>,
    /// How many calls match the filter, counted up to [`COUNTED`].
    pub total: i64,
    /// Whether there are no more than `total`.
    pub total_is_exact: bool,
    /// Whether there are calls after this page.
    pub has_more: bool,
}

/// Statistics over all calls that match the filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Calls by status.
    pub by_status: BTreeMap<CallStatus, i64>,
    /// Calls by type.
    pub by_type: BTreeMap<CallType, i64>,
    /// Share of ended calls in which both sides met, 0 to 1.
    pub answered_rate: Option<f64>,
    /// Mean duration in seconds.
    pub mean_duration_seconds: Option<f64>,
    /// Total duration in seconds.
    pub total_duration_seconds: i64,
    /// Median time from the end of the caller's speech to the agent's first sound, in ms.
    pub median_latency_ms: Option<f64>,
    /// By agent and variant.
    pub by_agent: Vec<AgentStats>,
}

/// Statistics of an agent, or of one of its variants.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentStats {
    /// The agent that calls began with.
    pub agent: String,
    /// Its variant. `None` for the agent's file itself.
    pub variant: Option<String>,
    /// The number of its calls.
    pub calls: i64,
    /// How many of them have a result.
    pub results: i64,
    /// How many have a result that says that the caller got what they wanted.
    pub resolved: i64,
    /// Mean duration in seconds.
    pub mean_duration_seconds: Option<f64>,
}

super::from_row!(AgentStats {
    agent,
    variant,
    calls,
    results,
    resolved,
    mean_duration_seconds
});

/// Appends the WHERE clause of a filter to a query of either database.
macro_rules! filtered {
    ($query:ident, $filter:expr) => {{
        let filter = $filter;
        $query.push(" WHERE TRUE");
        if let Some(user) = &filter.user_id {
            // An erased call belongs to nobody, not even to a user whose id is "deleted". A union of three indexed
            // sets, because an OR over them would read every call.
            $query.push(
                " AND deleted_at IS NULL AND id IN (SELECT id FROM voice_calls WHERE caller_id = ",
            );
            $query.push_bind(user.clone());
            $query.push(" UNION SELECT id FROM voice_calls WHERE callee_id = ");
            $query.push_bind(user.clone());
            $query.push(" UNION SELECT call_id FROM call_participants WHERE user_id = ");
            $query.push_bind(user.clone()).push(")");
        }
        if let Some(call_type) = filter.call_type {
            $query
                .push(" AND call_type = ")
                .push_bind(call_type.as_str());
        }
        if let Some(status) = filter.status {
            $query.push(" AND status = ").push_bind(status.as_str());
        }
        if let Some(from) = filter.from {
            $query.push(" AND created_at >= ").push_bind(from);
        }
        if let Some(to) = filter.to {
            $query.push(" AND created_at < ").push_bind(to);
        }
        for said in &filter.metadata {
            $crate::history::Says::push(&mut $query, said);
        }
        if let Some(user) = &filter.user_id
            && !filter.metadata.is_empty()
        {
            // People who joined a call later do not see its metadata, and must not find calls by it.
            $query.push(" AND (caller_id = ").push_bind(user.clone());
            $query.push(" OR (call_type = 'user-to-user' AND callee_id = ");
            $query.push_bind(user.clone()).push("))");
        }
        if let Some(text) = &filter.text {
            $query.push(" AND (");
            $crate::history::Says::push_has(&mut $query, "transcript", text);
            if let Some(user) = &filter.user_id {
                // People who joined a call later must not find it by what was said before.
                $query.push(" AND (caller_id = ").push_bind(user.clone());
                $query.push(" OR (call_type = 'user-to-user' AND callee_id = ");
                $query.push_bind(user.clone()).push("))");
            }
            for column in ["room_name", "caller_id"] {
                $query.push(" OR ");
                $crate::history::Says::push_has(&mut $query, column, text);
            }
            $query.push(")");
        }
    }};
}
pub(super) use filtered;

impl Store {
    /// One page of calls, newest first.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn history(
        &self,
        filter: &HistoryFilter,
        limit: u32,
        offset: u64,
    ) -> Result<Page, StoreError> {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        on!(self, |pool, Db| {
            let mut count =
                sqlx::QueryBuilder::<Db>::new("SELECT COUNT(*) FROM (SELECT 1 FROM voice_calls");
            filtered!(count, filter);
            count
                .push(" LIMIT ")
                .push_bind(COUNTED + 1)
                .push(") AS counted");
            let mut page = sqlx::QueryBuilder::<Db>::new("SELECT * FROM voice_calls");
            filtered!(page, filter);
            page.push(" ORDER BY created_at DESC, id DESC LIMIT ")
                .push_bind(i64::from(limit) + 1);
            page.push(" OFFSET ").push_bind(offset);
            let mut calls: Vec<Call> = page.build_query_as().fetch_all(pool).await?;
            let total: i64 = count.build_query_scalar().fetch_one(pool).await?;
            let has_more = calls.len() > limit as usize;
            calls.truncate(limit as usize);
            Ok(Page {
                calls,
                total: total.min(COUNTED),
                total_is_exact: total <= COUNTED,
                has_more,
            })
        })
    }

    /// Statistics over all calls that match the filter.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn stats(&self, filter: &HistoryFilter) -> Result<Stats, StoreError> {
        type Group = (String, String, i64, i64, Option<i64>);
        let (groups, median, by_agent): (Vec<Group>, Option<f64>, Vec<AgentStats>) = on!(
            self,
            |pool, Db| {
                let mut groups = sqlx::QueryBuilder::<Db>::new(
                    "SELECT status, call_type, COUNT(*), COUNT(connected_at), SUM(duration_seconds) \
                 FROM voice_calls",
                );
                filtered!(groups, filter);
                groups.push(" GROUP BY status, call_type");
                let mut turns = sqlx::QueryBuilder::<Db>::new(
                    "SELECT CAST(AVG(latency_ms) AS DOUBLE PRECISION) FROM (SELECT latency_ms, \
                 ROW_NUMBER() OVER (ORDER BY latency_ms) AS place, COUNT(*) OVER () AS n \
                 FROM call_turns WHERE latency_ms IS NOT NULL \
                 AND call_id IN (SELECT id FROM voice_calls",
                );
                filtered!(turns, filter);
                // A JSON true is text in one database, and 1 in the other.
                let mut agents = sqlx::QueryBuilder::<Db>::new(
                    "SELECT agent, variant, COUNT(*) AS calls, COUNT(made.result) AS results, \
                 SUM(CASE WHEN CAST(made.result ->> 'resolved' AS TEXT) IN ('true', '1') \
                 THEN 1 ELSE 0 END) AS resolved, \
                 CAST(AVG(duration_seconds) AS DOUBLE PRECISION) AS mean_duration_seconds \
                 FROM voice_calls LEFT JOIN call_results AS made ON made.call_id = id",
                );
                filtered!(agents, filter);
                agents
                    .push(" AND agent IS NOT NULL GROUP BY agent, variant ORDER BY agent, variant");
                turns.push(")) AS ranked WHERE place IN ((n + 1) / 2, (n + 2) / 2)");
                (
                    groups.build_query_as().fetch_all(pool).await?,
                    turns.build_query_scalar().fetch_one(pool).await?,
                    agents.build_query_as().fetch_all(pool).await?,
                )
            }
        );
        let mut stats = Stats {
            median_latency_ms: median,
            by_agent,
            ..Stats::default()
        };
        let (mut over, mut answered, mut talks) = (0, 0, 0);
        for (status, call_type, calls, connected, seconds) in groups {
            let bad = |error: String| StoreError::Query(sqlx::Error::Decode(error.into()));
            let status: CallStatus = status.parse().map_err(bad)?;
            *stats.by_status.entry(status).or_default() += calls;
            *stats
                .by_type
                .entry(call_type.parse().map_err(bad)?)
                .or_default() += calls;
            if status >= CallStatus::Completed {
                over += calls;
                answered += connected;
            }
            if let Some(seconds) = seconds {
                stats.total_duration_seconds += seconds;
                talks += connected;
            }
        }
        stats.answered_rate = (over > 0).then(|| answered as f64 / over as f64);
        stats.mean_duration_seconds =
            (talks > 0).then(|| stats.total_duration_seconds as f64 / talks as f64);
        Ok(stats)
    }
}

/// `%text%` in lower case, with LIKE's special characters escaped.
pub(super) fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests;
