//! Scripted failures, and how a request then ends.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::json;

use super::Running;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 401, as for a wrong key.
    Unauthorized,
    /// 400, as for an unknown model.
    BadRequest,
    /// 400, because the model wrote an invalid tool call (`tool_use_failed`).
    BadCall,
    /// 429, with `Retry-After` in seconds if given.
    RateLimited(Option<u64>),
    /// 500 with an HTML body, as a broken proxy sends.
    Server,
    /// 200 with a body that does not follow the protocol.
    Garbage,
    /// 200 and nothing.
    Empty,
    /// The connection breaks after this many pieces of a good answer.
    CutAfter(usize),
    /// A good answer stalls for ever after this many pieces.
    StallAfter(usize),
    /// Not even a status line, for ever.
    Silence,
}

/// Plays a failure that is a whole response. `None` for those that break a good one.
pub(super) async fn whole_failure(failure: Failure) -> Option<Response> {
    let error = |status: StatusCode, kind: &str, message: &str| {
        let body =
            json!({ "error": { "message": message, "type": kind, "param": null, "code": null } });
        (status, axum::Json(body)).into_response()
    };
    Some(match failure {
        Failure::Unauthorized => error(
            StatusCode::UNAUTHORIZED,
            "invalid_request_error",
            // OpenAI's own message repeats part of the key.
            "Incorrect API key provided: sk-sec****cret.",
        ),
        Failure::BadRequest => error(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "The model does not exist.",
        ),
        Failure::BadCall => {
            let message = "Failed to call a function. Please adjust your prompt.";
            let kind = "invalid_request_error";
            let code = "tool_use_failed";
            let body = json!({ "error": { "message": message, "type": kind, "code": code } });
            (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
        }
        Failure::RateLimited(seconds) => {
            let mut response = error(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "Rate limit reached for requests.",
            );
            if let Some(seconds) = seconds {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
        Failure::Server => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "<html>upstream is down</html>",
        )
            .into_response(),
        Failure::Garbage => (
            [(header::CONTENT_TYPE, "text/html")],
            "<html>Welcome to the hotel's network</html>",
        )
            .into_response(),
        Failure::Empty => StatusCode::OK.into_response(),
        Failure::Silence => std::future::pending().await,
        Failure::CutAfter(_) | Failure::StallAfter(_) => return None,
    })
}

/// A body whose pieces are sent each after its delay, broken where the failure says.
pub(super) fn body(
    pieces: Vec<(Duration, Bytes)>,
    failure: Option<Failure>,
    mut running: Running,
) -> axum::body::Body {
    let stream = futures::stream::iter(pieces.into_iter().enumerate()).then(
        move |(index, (delay, piece))| async move {
            match failure {
                Some(Failure::CutAfter(n)) if index == n => {
                    // If the next piece is not ready at once, the server sends what it has.
                    tokio::task::yield_now().await;
                    return Err(std::io::Error::other("scripted cut"));
                }
                Some(Failure::StallAfter(n)) if index == n => std::future::pending().await,
                _ => {}
            }
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(piece)
        },
    );
    let mut stream = Box::pin(stream);
    axum::body::Body::from_stream(futures::stream::poll_fn(move |context| {
        let next = stream.poll_next_unpin(context);
        if matches!(next, std::task::Poll::Ready(None | Some(Err(_)))) {
            running.finish();
        }
        next
    }))
}
