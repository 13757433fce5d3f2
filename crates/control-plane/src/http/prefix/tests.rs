use axum::body::Body;
use axum::routing::get;
use tower::ServiceExt as _;

use super::*;

async fn ask(prefix: Option<&str>, path: &str) -> (u16, String) {
    let seen = get(async |uri: Uri| uri.to_string());
    let routes = Router::new()
        .route("/", seen.clone())
        .route("/a/{name}", seen);
    let router = also_under(prefix.map(str::to_owned), routes);
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 1_000).await.unwrap();
    let text = match parts.headers.get(header::LOCATION) {
        Some(location) => location.to_str().unwrap().to_owned(),
        None => String::from_utf8(body.to_vec()).unwrap(),
    };
    (parts.status.as_u16(), text)
}

#[tokio::test]
async fn all_is_found_with_and_without_the_path() {
    for (path, status, seen) in [
        ("/", 200, "/"),
        ("/a/b?c=d", 200, "/a/b?c=d"),
        ("/voice/", 200, "/"),
        ("/voice/a/b?c=%2Fvoice", 200, "/a/b?c=%2Fvoice"),
        ("/voice?c=d", 308, "/voice/?c=d"),
        ("/voices/a/b", 404, ""),
        ("/voice/voice/a/b", 404, ""),
    ] {
        let (code, text) = ask(Some("/voice"), path).await;
        assert_eq!((code, text.as_str()), (status, seen), "{path}");
    }
    assert_eq!(ask(None, "/voice/").await.0, 404);
    assert_eq!(ask(None, "/a/b").await.0, 200);
}
