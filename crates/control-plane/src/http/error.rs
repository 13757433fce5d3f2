//! Errors as RFC 9457 problem documents: what is wrong, in which field, and the fix. Never a
//! stack, never a secret.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;

use super::limits::Limit;
use sidetone_base::plain;
use sidetone_config::env::NotConfigured;
use sidetone_store::StoreError;

/// An error on its way to the client. The outermost layer renders it, with the request's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Short name of the kind of problem, the same for every occurrence.
    pub title: &'static str,
    /// What is wrong and how to fix it.
    pub detail: String,
    /// The field, query parameter or header it is about.
    pub field: Option<String>,
    /// Seconds after which to try again.
    pub retry_after: Option<u32>,
    /// The limit that was reached.
    pub limit: Option<Limit>,
}

/// The document a client gets (`application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemDocument {
    /// A name of the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The same for people.
    title: String,
    /// HTTP status.
    status: u16,
    /// What is wrong and how to fix it.
    detail: String,
    /// The field, query parameter or header it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The limit that was reached: address, key, user, tokens or calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    /// The request's id, to quote when you ask for help.
    request_id: String,
}

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            title,
            detail: detail.into(),
            field: None,
            retry_after: None,
            limit: None,
        }
    }

    /// 429: as much as this limit allows was had; in so many seconds there is more.
    pub fn too_many(limit: Limit, seconds: u32) -> Self {
        let whose = limit.whose();
        Self {
            retry_after: Some(seconds),
            limit: Some(limit),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                match limit {
                    Limit::Tokens => "Too many unused tokens",
                    Limit::Calls => "Too many calls",
                    Limit::Address | Limit::Key | Limit::User => "Too many requests",
                },
                format!("{whose}; try again in {seconds} s."),
            )
        }
    }

    /// 400 about one field.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(StatusCode::BAD_REQUEST, "Invalid value", detail)
        }
    }

    /// 401: credentials are missing or wrong.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self {
            field: Some("Authorization".into()),
            ..Self::new(StatusCode::UNAUTHORIZED, "Not signed in", detail)
        }
    }

    /// 403: known, but may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Not allowed", detail)
    }

    /// 404 about one field.
    pub fn not_found(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(StatusCode::NOT_FOUND, "Not found", detail)
        }
    }

    /// 502: LiveKit did not do its part.
    pub fn livekit(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "Unexpected answer from LiveKit");
        Self {
            retry_after: Some(5),
            ..Self::new(
                StatusCode::BAD_GATEWAY,
                "LiveKit did not answer",
                "The voice server could not be reached. Try again in a few seconds.",
            )
        }
    }

    /// The document, for the request of this id.
    pub fn document(&self, request_id: &str) -> ProblemDocument {
        let kind = self
            .title
            .to_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        ProblemDocument {
            kind: format!("urn:sidetone:problem:{kind}"),
            title: self.title.into(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            field: self.field.clone(),
            limit: self.limit.map(Limit::as_str),
            request_id: request_id.into(),
        }
    }

    /// The whole response, for the request of this id.
    pub fn render(&self, request_id: &str) -> Response {
        let mut response = (self.status, Json(self.document(request_id))).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// A bare status that carries the problem to the outermost layer.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let Some(detail) = error.refused_text() {
            return Self::new(StatusCode::BAD_REQUEST, "Invalid value", detail);
        }
        tracing::error!(%error, "database");
        Self {
            retry_after: Some(5),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Database unavailable",
                "The database did not answer. Try again in a few seconds.",
            )
        }
    }
}

impl From<NotConfigured> for Problem {
    fn from(error: NotConfigured) -> Self {
        Self {
            field: Some(error.variables().join(", ")),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Voice service not configured",
                error.to_string(),
            )
        }
    }
}

/// Reads a JSON body; the problem names the field.
///
/// # Errors
/// 400 with the field that is malformed, missing, unknown or of the wrong type.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = body.trim_ascii();
    let body = if body.is_empty() { b"{}" } else { body };
    // serde would take an array for a struct as well.
    if body[0] != b'{' {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "Invalid body",
            "the body is not a JSON object; send one such as {\"roomType\": \"support\"}",
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let message = error.inner().to_string();
        let path = error.path().to_string();
        // serde names a missing or unknown field in its message only.
        let quoted = message
            .split('`')
            .nth(1)
            .filter(|_| message.contains(" field `"));
        let field = match quoted {
            Some(name) => Some(name.to_owned()),
            None => (path != ".").then_some(path),
        };
        let detail = match &field {
            Some(field) => format!("{field}: {message}"),
            None => format!("the body is not a JSON object of the expected shape: {message}"),
        };
        Problem {
            field,
            ..Problem::new(StatusCode::BAD_REQUEST, "Invalid body", detail)
        }
    })?;
    json.end().map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "Invalid body",
            format!("there is more after the JSON object: {error}"),
        )
    })?;
    Ok(value)
}

/// An id in an address's path, as `/api/voice/{given_by}` gives it.
///
/// # Errors
/// 400 naming the field.
pub fn path_id(field: &str, text: &str, given_by: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| {
        let told = format!("{field} must be a UUID, as /api/voice/{given_by} returns it");
        Problem::field(field, told)
    })
}

/// An id or a name of 1 to `max` characters, all of which are seen ([`plain`]).
///
/// # Errors
/// 400 naming the field and the character.
pub fn check_name(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    check_text(field, text, max, false)?;
    match plain::unfit(text) {
        Some(c) => Err(Problem::field(
            field,
            format!(
                "{field} holds the invisible character U+{:04X}; leave it out",
                u32::from(c)
            ),
        )),
        None => Ok(()),
    }
}

/// A text of 1 to `max` characters without control characters.
///
/// # Errors
/// 400 naming the field and the bounds.
pub fn check_text(field: &str, text: &str, max: usize, newlines: bool) -> Result<(), Problem> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err(Problem::field(
            field,
            format!("{field} is empty; write something or leave it out"),
        ));
    }
    if length > max {
        return Err(Problem::field(
            field,
            format!("{field} has {length} characters; at most {max} are taken"),
        ));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !(newlines && matches!(c, '\n' | '\r' | '\t')))
    {
        return Err(Problem::field(
            field,
            format!("{field} holds control characters; leave them out"),
        ));
    }
    Ok(())
}
