//! The control plane under a path of its own, such as `https://example.com/voice/`.
//!
//! Some proxies take the path away before they hand a request on, and some do not: all is found with and without
//! it. Pages name what they need relative to themselves.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

/// The same routes, which are also found under `prefix` (`/voice`).
pub fn also_under(prefix: Option<String>, router: Router) -> Router {
    let Some(prefix) = prefix else {
        return router;
    };
    // A router looks at the path before its layers do, so the layer is another router's.
    let strip = middleware::from_fn_with_state(Arc::<str>::from(prefix), strip);
    Router::new().fallback_service(router).layer(strip)
}

async fn strip(State(prefix): State<Arc<str>>, mut request: Request, next: Next) -> Response {
    let uri = request.uri();
    match uri.path().strip_prefix(&*prefix) {
        // From here a page would look for its parts one step too high.
        Some("") => {
            let query = uri.query().map(|query| format!("?{query}"));
            let slash = format!("{prefix}/{}", query.unwrap_or_default());
            return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, slash)]).into_response();
        }
        Some(rest) if rest.starts_with('/') => {
            let query = uri.query().map(|query| format!("?{query}"));
            let rest = format!("{rest}{}", query.unwrap_or_default());
            if let Ok(path) = PathAndQuery::try_from(rest) {
                let mut parts = uri.clone().into_parts();
                parts.path_and_query = Some(path);
                if let Ok(uri) = Uri::from_parts(parts) {
                    *request.uri_mut() = uri;
                }
            }
        }
        _ => {}
    }
    next.run(request).await
}

#[cfg(test)]
mod tests;
