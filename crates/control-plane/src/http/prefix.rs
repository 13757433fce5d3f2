//! Serves the control plane under a path prefix, such as `https://example.com/voice/`.
//! Some proxies strip the prefix before they forward a request, and some do not: every route works with and without
//! it. Pages refer to their resources by relative paths.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

/// The same routes, also available under `prefix` (`/voice`).
pub fn also_under(prefix: Option<String>, router: Router) -> Router {
    let Some(prefix) = prefix else {
        return router;
    };
    // A router matches the path before its layers run, so the layer belongs to another router.
    let strip = middleware::from_fn_with_state(Arc::<str>::from(prefix), strip);
    Router::new().fallback_service(router).layer(strip)
}

async fn strip(State(prefix): State<Arc<str>>, mut request: Request, next: Next) -> Response {
    let uri = request.uri();
    match uri.path().strip_prefix(&*prefix) {
        // Without the final slash, a page's relative paths would resolve one level too high.
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
