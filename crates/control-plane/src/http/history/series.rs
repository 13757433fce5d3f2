//! Figures over time, for the charts of the admin page.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::query::{Query, number};
use crate::http::AppState;
use crate::http::auth::Principal;
use crate::http::error::{Problem, ProblemDocument};
use sidetone_store::At;
use sidetone_store::series::{Buckets, Point};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// The range in days if the request has no start.
const DEFAULT_DAYS: i64 = 30;
/// Ranges up to this long are shown by the hour.
const HOURLY: i64 = 2 * DAY;
/// Longest range.
const LONGEST: i64 = 400 * DAY;
/// Clocks differ from UTC by at most this many minutes (IANA time zone database: +14, -12 h).
const FARTHEST: i64 = 14 * 60;

/// Which calls, and whose days.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents the query, which is read by `series`")]
pub struct SeriesQuery {
    /// support, user-to-user or conference.
    call_type: Option<String>,
    /// pending, ringing, connected, completed, missed or failed.
    status: Option<String>,
    /// Everybody's calls (admins only).
    all_users: Option<bool>,
    /// Not before this time (RFC 3339); 30 days before `to` when left out.
    from: Option<String>,
    /// Before this time (RFC 3339); now when left out.
    to: Option<String>,
    /// Words of the transcript, or a part of a room's name or a caller's id.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Calls whose `metadata` have this field, as in the history.
    #[param(rename = "metadata.{field}", max_length = 200)]
    metadata: Option<String>,
    /// Minutes that the reader's clock is ahead of UTC: where days begin.
    #[param(minimum = -840, maximum = 840, default = 0)]
    minutes_ahead: Option<i64>,
}

/// Figures over time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// hour for ranges of up to two days, else day.
    step: &'static str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// One for each step of the range, also those without calls, oldest first.
    points: Vec<PointInfo>,
}

/// Figures of the calls that were created within one step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointInfo {
    /// When the step begins.
    at: DateTime<Utc>,
    by_status: BTreeMap<&'static str, i64>,
    /// Mean talk, seconds.
    mean_duration_seconds: Option<f64>,
    /// Half of the answers were heard within this time, ms.
    p50_latency_ms: Option<i32>,
    /// 95 of 100 answers were heard within this time, ms.
    p95_latency_ms: Option<i32>,
}

impl PointInfo {
    fn new(at: At, point: Point) -> Self {
        let by_status = point.by_status.into_iter();
        Self {
            at,
            by_status: by_status.map(|(key, n)| (key.as_str(), n)).collect(),
            mean_duration_seconds: point.mean_duration_seconds,
            p50_latency_ms: point.p50_latency_ms,
            p95_latency_ms: point.p95_latency_ms,
        }
    }
}

/// Calls by status, talk and answer latency over time, of the calls that the filter finds.
#[utoipa::path(get, path = "/api/voice/history/stats/series", tag = "voice", params(SeriesQuery),
    responses((status = 200, body = Series), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn series(
    State(state): State<AppState>,
    principal: Principal,
    RawQuery(raw): RawQuery,
) -> Result<Json<Series>, Problem> {
    let (ahead, rest) = minutes_ahead(raw.as_deref().unwrap_or_default())?;
    let mut query = Query::of(&principal, Some(&rest))?;
    let to = query.filter.to.unwrap_or_else(sidetone_store::now);
    let from = query
        .filter
        .from
        .unwrap_or(to - TimeDelta::days(DEFAULT_DAYS));
    let length = (to - from).num_seconds();
    if !(0..=LONGEST).contains(&length) {
        return Err(Problem::field(
            "from",
            "from must be before to, by at most 400 days; ask for a shorter range",
        ));
    }
    (query.filter.from, query.filter.to) = (Some(from), Some(to));
    let (step, seconds) = if length <= HOURLY {
        ("hour", HOUR)
    } else {
        ("day", DAY)
    };
    let buckets = Buckets {
        seconds,
        ahead: ahead * 60,
    };
    let mut found = state.store().series(&query.filter, buckets).await?;
    // `to` itself is outside the range.
    let last = buckets.of((to - TimeDelta::microseconds(1)).max(from));
    let points = (buckets.of(from)..=last)
        .filter_map(|n| {
            let point = found.remove(&n).unwrap_or_default();
            Some(PointInfo::new(buckets.start(n)?, point))
        })
        .collect();
    Ok(Json(Series {
        step,
        from,
        to,
        points,
    }))
}

/// Takes `minutesAhead` out of a query; the rest belongs to the history.
fn minutes_ahead(raw: &str) -> Result<(i64, String), Problem> {
    let mut ahead = 0;
    let mut rest = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
        if name == "minutesAhead" {
            ahead = number("minutesAhead", &value, -FARTHEST, FARTHEST)?;
        } else if matches!(&*name, "limit" | "offset" | "includeStats") {
            return Err(Problem::field(
                &*name,
                format!("{name} is for the list of calls only; leave it out for figures over time"),
            ));
        } else {
            rest.append_pair(&name, &value);
        }
    }
    Ok((ahead, rest.finish()))
}
