//! Exports and erases everything stored about one user of the product.

use std::vec;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, check_text};
use super::history::call::CallDetail;
use crate::control::inbox::LONGEST_NAME;
use sidetone_store::Store;
use sidetone_store::erasure::ErasedUser;

/// All calls that a user made, got, or was in, oldest first.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `Export` writes call by call")]
pub struct UserExport {
    user_id: String,
    exported_at: DateTime<Utc>,
    calls: Vec<CallDetail>,
}

/// What became of a user's data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserErasure {
    /// Calls whose personal data was deleted by this request.
    erased_calls: usize,
    /// Their calls that are in progress. These are not erased: send the request again when they are over.
    open_calls: Vec<Uuid>,
}

impl From<ErasedUser> for UserErasure {
    fn from(erased: ErasedUser) -> Self {
        Self {
            erased_calls: erased.calls,
            open_calls: erased.open,
        }
    }
}

/// Exports everything that is stored about a user: each call that they made, received or were in, with
/// participants,
/// turns, tools and result. The answer is written call by call; one that breaks off is no whole JSON.
#[utoipa::path(get, path = "/api/voice/users/{userId}/export", tag = "users",
    params(("userId" = String, Path)),
    responses((status = 200, body = UserExport), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn export(
    State(state): State<AppState>,
    principal: Principal,
    Path(user_id): Path<String>,
) -> Result<Response, Problem> {
    principal.need(Right::AllHistory)?;
    check_text("userId", &user_id, LONGEST_NAME, false)?;
    let export = Export {
        calls: state.store().calls_of_user(&user_id).await?.into_iter(),
        store: state.store().clone(),
        separator: "",
        ended: false,
    };
    let (user_id, exported_at) = (json!(user_id), json!(sidetone_store::now()));
    let head = format!(r#"{{"userId":{user_id},"exportedAt":{exported_at},"calls":["#);
    let pieces = stream::once(async { Ok(head) }).chain(stream::try_unfold(export, Export::piece));
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, Body::from_stream(pieces)).into_response())
}

/// Deletes the personal data of all calls that a user made, got, or was in, as deleting each of them
/// does, and their sessions on the admin pages. Later events of these calls are not stored. It is
/// done to the end also where the answer takes too long (504); asked again, it finds nothing left.
#[utoipa::path(delete, path = "/api/voice/users/{userId}", tag = "users",
    params(("userId" = String, Path)),
    responses((status = 200, body = UserErasure), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn erase(
    State(state): State<AppState>,
    principal: Principal,
    Path(user_id): Path<String>,
) -> Result<Json<UserErasure>, Problem> {
    principal.need(Right::Delete)?;
    check_text("userId", &user_id, LONGEST_NAME, false)?;
    // In a task of its own: a cancelled request would leave it half done.
    let erasing = tokio::spawn(async move {
        let erased = state.store().erase_user(&user_id).await;
        if let Some(recordings) = &state.config().recordings {
            recordings.wake();
        }
        match &erased {
            Ok(erased) => tracing::info!(
                calls = erased.calls,
                open = erased.open.len(),
                "a user's data was erased"
            ),
            Err(error) => tracing::error!(%error, "a user's data was not erased, or not all of it"),
        }
        erased
    });
    let erased = erasing.await.map_err(|error| {
        tracing::error!(%error, "a user's data was not erased, or not all of it");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error",
            "Something went wrong in this server, and some calls may not be erased yet. Try again.",
        )
    })?;
    Ok(Json(erased?.into()))
}

/// An export in progress.
struct Export {
    store: Store,
    /// Calls that are not written yet.
    calls: vec::IntoIter<Uuid>,
    /// The text before the next call.
    separator: &'static str,
    ended: bool,
}

impl Export {
    /// The next piece of the document. `None` after its end.
    async fn piece(mut self) -> anyhow::Result<Option<(String, Self)>> {
        for id in self.calls.by_ref() {
            let detail = match CallDetail::read(&self.store, id).await {
                // Erased while others were written.
                Ok(None) => continue,
                Ok(Some(detail)) => detail,
                Err(error) => {
                    tracing::error!(%error, "an export broke off");
                    return Err(error.into());
                }
            };
            let piece = format!("{}{}", self.separator, serde_json::to_string(&detail)?);
            self.separator = ",";
            return Ok(Some((piece, self)));
        }
        if self.ended {
            return Ok(None);
        }
        self.ended = true;
        Ok(Some(("]}".into(), self)))
    }
}
