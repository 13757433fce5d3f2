//! Figures over time: calls, duration and reply latency per hour or day.

use std::collections::BTreeMap;

use super::history::{HistoryFilter, filtered};
use super::{At, CallStatus, Pool, Store, StoreError, on};

/// Intervals of equal length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Length of one interval, in seconds.
    pub seconds: i64,
    /// How far the requester's clock is ahead of UTC, in seconds: it decides where days begin.
    pub ahead: i64,
}

impl Buckets {
    /// The interval that holds a time, counted from 1970.
    pub fn of(self, at: At) -> i64 {
        (at.timestamp() + self.ahead).div_euclid(self.seconds)
    }

    /// When an interval begins.
    pub fn start(self, bucket: i64) -> Option<At> {
        At::from_timestamp(bucket * self.seconds - self.ahead, 0)
    }
}

/// Figures of one interval, by the time at which its calls were created.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Calls by status.
    pub by_status: BTreeMap<CallStatus, i64>,
    /// Mean duration of calls in which both sides met, in seconds.
    pub mean_duration_seconds: Option<f64>,
    /// Median reply latency, in ms.
    pub p50_latency_ms: Option<i32>,
    /// 95th percentile of the reply latency, in ms.
    pub p95_latency_ms: Option<i32>,
}

impl Store {
    /// The figures of each interval that has calls matching the filter.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn series(
        &self,
        filter: &HistoryFilter,
        buckets: Buckets,
    ) -> Result<BTreeMap<i64, Point>, StoreError> {
        type Group = (i64, String, i64, i64, Option<i64>);
        type Latency = (i64, Option<i32>, Option<i32>);
        // The only expression in which the two databases differ.
        let epoch = match &self.pool {
            Pool::Sqlite(_) => "unixepoch(created_at)",
            Pool::Postgres(_) => "CAST(FLOOR(EXTRACT(EPOCH FROM created_at)) AS BIGINT)",
        };
        let Buckets { seconds, ahead } = buckets;
        let bucket = format!("({epoch} + {ahead}) / {seconds}");
        let (groups, latencies): (Vec<Group>, Vec<Latency>) = on!(self, |pool, Db| {
            let mut groups = sqlx::QueryBuilder::<Db>::new("SELECT ");
            groups.push(&bucket).push(
                " AS bucket, status, COUNT(*), COUNT(connected_at), SUM(duration_seconds) \
                 FROM voice_calls",
            );
            filtered!(groups, filter);
            groups.push(" GROUP BY 1, 2");
            // Nearest rank: the smallest latency that the given share of replies does not exceed.
            let mut latencies = sqlx::QueryBuilder::<Db>::new(
                "SELECT bucket, MAX(CASE WHEN place = (n + 1) / 2 THEN latency_ms END), \
                 MAX(CASE WHEN place = (95 * n + 99) / 100 THEN latency_ms END) \
                 FROM (SELECT bucket, latency_ms, \
                 ROW_NUMBER() OVER (PARTITION BY bucket ORDER BY latency_ms) AS place, \
                 COUNT(*) OVER (PARTITION BY bucket) AS n FROM (SELECT latency_ms, ",
            );
            latencies.push(&bucket).push(
                " AS bucket FROM voice_calls JOIN call_turns ON call_turns.call_id = voice_calls.id",
            );
            filtered!(latencies, filter);
            latencies.push(" AND latency_ms IS NOT NULL) AS answers) AS ranked GROUP BY bucket");
            (
                groups.build_query_as().fetch_all(pool).await?,
                latencies.build_query_as().fetch_all(pool).await?,
            )
        });
        let mut points: BTreeMap<i64, Point> = BTreeMap::new();
        let mut talks: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for (bucket, status, calls, connected, seconds) in groups {
            let bad = |error: String| StoreError::Query(sqlx::Error::Decode(error.into()));
            let status: CallStatus = status.parse().map_err(bad)?;
            let point = points.entry(bucket).or_default();
            *point.by_status.entry(status).or_default() += calls;
            if let Some(seconds) = seconds {
                let talk = talks.entry(bucket).or_default();
                *talk = (talk.0 + seconds, talk.1 + connected);
            }
        }
        for (bucket, (seconds, calls)) in talks {
            let mean = (calls > 0).then(|| seconds as f64 / calls as f64);
            points.entry(bucket).or_default().mean_duration_seconds = mean;
        }
        for (bucket, p50, p95) in latencies {
            let point = points.entry(bucket).or_default();
            (point.p50_latency_ms, point.p95_latency_ms) = (p50, p95);
        }
        Ok(points)
    }
}

#[cfg(test)]
mod tests;
