//! Errors in OpenAI's shape.

use axum::Json;
use axum::extract::multipart::MultipartError;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::Failure;
use crate::llm::Refusal;

/// `{"error": {"message", "type", "param", "code"}}` with its status.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
}

impl ApiError {
    /// A field of the request is not usable as it is.
    pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let (message, param) = (message.into(), Some(param.into()));
        Self {
            status: StatusCode::BAD_REQUEST,
            message,
            param,
            code: None,
        }
    }

    pub(super) fn not_found() -> Self {
        let message = "no such path; this server has /v1/models, /v1/audio/transcriptions, \
                       /v1/realtime, /v1/chat/completions, /v1/audio/speech and /healthz";
        Self::plain(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn wrong_method() -> Self {
        Self::plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path takes another method",
        )
    }

    /// Other requests must finish first.
    pub(super) fn busy(message: &str) -> Self {
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            param: None,
            code: None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self {
            status,
            message,
            param,
            code,
        } = self;
        let kind = if status.is_client_error() {
            "invalid_request_error"
        } else {
            "server_error"
        };
        let error = json!({"message": message, "type": kind, "param": param, "code": code});
        let mut response = (status, Json(json!({"error": error}))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let status = match failure {
            Failure::Busy(_) | Failure::Gone(_) => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Broken { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::plain(status, failure.to_string())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooLong { .. } => Self {
                code: Some("context_length_exceeded"),
                ..Self::invalid("messages", refusal.to_string())
            },
            Refusal::Failure(failure) => failure.into(),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::plain(rejection.status(), rejection.body_text())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self::plain(rejection.status(), rejection.body_text())
    }
}

impl From<WebSocketUpgradeRejection> for ApiError {
    fn from(error: WebSocketUpgradeRejection) -> Self {
        Self::plain(error.status(), error.body_text())
    }
}

impl From<MultipartError> for ApiError {
    fn from(error: MultipartError) -> Self {
        Self::plain(error.status(), error.body_text())
    }
}
