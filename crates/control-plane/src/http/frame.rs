//! What every response has: a request id, security headers, and a problem document if it failed.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use super::error::Problem;

/// Identifies the request in its response and in the log.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer.
pub(super) async fn frame(request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(|id| (8..=64).contains(&id.len()))
        .filter(|id| {
            id.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        })
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = replace_body(response, problem.render(&id));
    } else if status.is_client_error() || status.is_server_error() {
        let is_json = |value: &HeaderValue| value.as_bytes().starts_with(b"application/");
        if !response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(is_json)
        {
            response = replace_body(response, plain_problem(status).render(&id));
        }
    }
    // Paths contain ids but no secrets; queries (search words) and bodies are not logged.
    tracing::debug!(%method, path, status = status.as_u16(), request_id = id, "http");
    framed(response, &id)
}

/// Adds the headers that every response has.
pub(super) fn framed(mut response: Response, id: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    // JSON needs no content policy; pages set their own.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    response
}

/// Keeps headers set by inner layers (CORS, Allow), and takes the problem's body and headers.
fn replace_body(old: Response, new: Response) -> Response {
    let (mut parts, _) = old.into_parts();
    let (new_parts, body) = new.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    for (name, value) in &new_parts.headers {
        parts.headers.insert(name, value.clone());
    }
    Response::from_parts(parts, body)
}

/// The problem document for a status that a layer or an extractor returned without one.
pub(super) fn plain_problem(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new(
            status,
            "Not found",
            "There is nothing at this address; see /docs.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            status,
            "Method not allowed",
            "This address takes other methods; see the Allow header.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            status,
            "Body too large",
            "The body is larger than this address accepts.",
        ),
        StatusCode::REQUEST_TIMEOUT => Problem::new(
            status,
            "Body too slow",
            "The body did not arrive in time; send it at once.",
        ),
        StatusCode::GATEWAY_TIMEOUT => Problem {
            retry_after: Some(5),
            ..Problem::new(status, "Too slow", "The answer took too long. Try again.")
        },
        _ if status.is_client_error() => {
            Problem::new(status, "Bad request", "The request could not be read.")
        }
        _ => Problem::new(
            status,
            "Internal error",
            "Something went wrong in this server; its log has the details.",
        ),
    }
}
