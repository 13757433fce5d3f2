//! `/v1/models` and `/v1/models/{id}`, like OpenAI's: with each model's shutdown date.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Shared;

/// What a provider says about its models.
#[derive(Debug, Clone)]
pub enum ModelList {
    /// These, each with its shutdown date, if it has one.
    Of(Vec<(String, Option<String>)>),
    /// An error with this status, as from gateways, or for a refused key.
    Status(u16),
}

impl Default for ModelList {
    fn default() -> Self {
        Self::Of(vec![("fake".into(), None)])
    }
}

type Refused = (StatusCode, Json<Value>);

impl ModelList {
    fn all(&self) -> Result<&[(String, Option<String>)], Refused> {
        match self {
            Self::Of(models) => Ok(models),
            Self::Status(status) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::NOT_FOUND);
                let message = "Incorrect API key, or no such path.";
                let error = json!({"error": {"message": message, "type": "invalid_request_error"}});
                Err((status, Json(error)))
            }
        }
    }
}

fn model((id, shutdown_date): &(String, Option<String>)) -> Value {
    json!({
        "id": id, "object": "model", "created": 0, "owned_by": "fake",
        "shutdown_date": shutdown_date,
    })
}

pub(super) async fn all(State(shared): State<Shared>) -> Result<Json<Value>, Refused> {
    let state = shared.state();
    let data: Vec<Value> = state.models.all()?.iter().map(model).collect();
    Ok(Json(json!({ "object": "list", "data": data })))
}

pub(super) async fn one(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let state = shared.state();
    let found = state.models.all()?.iter().find(|(known, _)| *known == id);
    let unknown = || {
        let error = json!({"error": {"message": "no such model", "code": "model_not_found"}});
        (StatusCode::NOT_FOUND, Json(error))
    };
    found.map(|found| Json(model(found))).ok_or_else(unknown)
}
