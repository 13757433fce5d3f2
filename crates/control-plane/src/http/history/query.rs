//! The query parameters of the history.

use std::fmt::Display;
use std::str::FromStr;

use chrono::DateTime;
use utoipa::IntoParams;

use crate::http::auth::{Principal, Right};
use crate::http::error::{Problem, check_text};
use sidetone_store::history::{HistoryFilter, MetadataIs};
use sidetone_store::{At, CallStatus, CallType};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;
/// Prefix of parameters that name a field of the calls' metadata.
const METADATA: &str = "metadata.";
/// Metadata fields per query.
const MAX_FIELDS: usize = 8;
/// Longest name and longest value of such a field, in characters.
const MAX_FIELD: usize = 200;

/// Which calls.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(
    dead_code,
    reason = "documents the query, which is read by `Query::parse`"
)]
pub struct HistoryQuery {
    /// support, user-to-user or conference.
    call_type: Option<String>,
    /// pending, ringing, connected, completed, missed or failed.
    status: Option<String>,
    /// Calls per page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Calls to skip.
    offset: Option<u64>,
    /// Adds statistics over all calls that the filter finds.
    include_stats: Option<bool>,
    /// Everybody's calls (admins only).
    all_users: Option<bool>,
    /// Not before this time (RFC 3339).
    from: Option<String>,
    /// Before this time (RFC 3339).
    to: Option<String>,
    /// Words of the transcript, or a part of a room's name or a caller's id.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Calls whose `metadata` have this field: `metadata.order=42` finds `{"order": 42}` and `{"order": "42"}`.
    /// Up to eight conditions, all of which must hold.
    #[param(rename = "metadata.{field}", max_length = 200)]
    metadata: Option<String>,
}

#[derive(Debug, Default)]
pub struct Query {
    pub filter: HistoryFilter,
    pub limit: u32,
    pub offset: u64,
    pub stats: bool,
    all_users: bool,
}

impl Query {
    /// The query of `principal`: for their own calls, or for everybody's if they may see them.
    pub fn of(principal: &Principal, raw: Option<&str>) -> Result<Self, Problem> {
        principal.need(Right::History)?;
        let mut query = Self::parse(raw)?;
        if query.all_users {
            principal
                .need(Right::AllHistory)
                .map_err(|problem| Problem {
                    field: Some("allUsers".into()),
                    ..problem
                })?;
        }
        // A backend has no calls of its own.
        query.filter.user_id = principal
            .user_id()
            .filter(|_| !query.all_users)
            .map(str::to_owned);
        Ok(query)
    }

    fn parse(raw: Option<&str>) -> Result<Self, Problem> {
        let mut query = Self {
            limit: DEFAULT_LIMIT,
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            let text = value.as_ref();
            match name.as_ref() {
                "callType" => query.filter.call_type = Some(one_of::<CallType>("callType", text)?),
                "status" => query.filter.status = Some(one_of::<CallStatus>("status", text)?),
                "limit" => {
                    query.limit = number("limit", text, 1, MAX_LIMIT)?;
                }
                "offset" => query.offset = number("offset", text, 0, i64::MAX as u64)?,
                "includeStats" => query.stats = flag("includeStats", text)?,
                "allUsers" => query.all_users = flag("allUsers", text)?,
                "from" => query.filter.from = Some(time("from", text)?),
                "to" => query.filter.to = Some(time("to", text)?),
                "q" => {
                    check_text("q", text, 200, false)?;
                    query.filter.text = Some(text.to_owned());
                }
                field if field.starts_with(METADATA) => query.says(field, text)?,
                unknown => {
                    return Err(Problem::field(
                        unknown,
                        format!(
                            "there is no query parameter \"{unknown}\"; there are callType, \
                             status, limit, offset, includeStats, allUsers, from, to, q and \
                             metadata.… (a field's name)"
                        ),
                    ));
                }
            }
        }
        Ok(query)
    }

    /// `metadata.name=value`.
    fn says(&mut self, field: &str, value: &str) -> Result<(), Problem> {
        let name = &field[METADATA.len()..];
        if name.is_empty() {
            let why = "write a field's name after \"metadata.\", as in metadata.order=42";
            return Err(Problem::field(METADATA, why));
        }
        check_text(METADATA, name, MAX_FIELD, false)?;
        // A text may be empty or white space.
        check_text(field, &format!("x{value}"), MAX_FIELD + 1, true)?;
        let named = &mut self.filter.metadata;
        if named.len() == MAX_FIELDS {
            let why = format!("at most {MAX_FIELDS} fields of metadata can be searched at once");
            return Err(Problem::field(field, why));
        }
        named.push(MetadataIs {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        Ok(())
    }
}

fn one_of<T: FromStr<Err = String>>(field: &str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|error| Problem::field(field, format!("{field} {error}")))
}

pub fn number<T: FromStr + PartialOrd + Display>(
    field: &str,
    text: &str,
    min: T,
    max: T,
) -> Result<T, Problem> {
    let number = text.parse().ok().filter(|n| *n >= min && *n <= max);
    number.ok_or_else(|| {
        Problem::field(
            field,
            format!("{field} must be a whole number from {min} to {max}"),
        )
    })
}

fn flag(field: &str, text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Problem::field(
            field,
            format!("{field} must be true or false"),
        )),
    }
}

fn time(field: &str, text: &str) -> Result<At, Problem> {
    // The + of an offset is a space in a query, where it was not encoded.
    let text = match text.rsplit_once(' ') {
        Some((time, offset)) if time.contains('T') => &format!("{time}+{offset}"),
        _ => text,
    };
    DateTime::parse_from_rfc3339(text)
        .map(Into::into)
        .map_err(|_| {
            Problem::field(
                field,
                format!("{field} must be a time such as 2026-01-31T12:00:00Z"),
            )
        })
}
