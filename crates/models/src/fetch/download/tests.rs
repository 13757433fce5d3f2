use super::*;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;

const CONTENT: &[u8] = b"twelve bytes";

async fn serve(content: &'static [u8]) -> (String, Arc<Mutex<Vec<Option<String>>>>) {
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let seen = ranges.clone();
    let app = Router::new().route(
        "/file",
        get(async move |headers: HeaderMap| {
            let range = headers.get("range").map(|v| v.to_str().unwrap().to_owned());
            seen.lock().unwrap().push(range.clone());
            match range.and_then(|r| r["bytes=".len()..].trim_end_matches('-').parse().ok()) {
                Some(from) if from >= content.len() => {
                    StatusCode::RANGE_NOT_SATISFIABLE.into_response()
                }
                Some(from) => (StatusCode::PARTIAL_CONTENT, &content[from..]).into_response(),
                None => content.into_response(),
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await });
    (url, ranges)
}

fn file() -> &'static File {
    Box::leak(Box::new(File {
        name: "it".into(),
        size: CONTENT.len() as u64,
        sha256: {
            use sha2::Digest;
            cache::hex(&sha2::Sha256::digest(CONTENT))
        },
        sources: vec![],
    }))
}

async fn run(cache: &Cache, url: &str) -> Result<(), String> {
    Web::default()
        .fetch(cache, file(), url, &mut |_| {})
        .await
        .map_err(|e| match e {
            Attempt::Source(reason) => reason,
            Attempt::Cache { path, cause } => format!("{path}: {cause}"),
        })
}

#[tokio::test]
async fn a_download_goes_on_where_it_stopped() {
    let dir = crate::testing::TempDir::new();
    let cache = Cache::new(dir.path());
    std::fs::create_dir_all(cache.partial()).unwrap();
    std::fs::write(cache.partial().join("it"), &CONTENT[..5]).unwrap();
    let (url, ranges) = serve(CONTENT).await;
    run(&cache, &url).await.unwrap();
    assert_eq!(std::fs::read(cache.path("it")).unwrap(), CONTENT);
    assert_eq!(*ranges.lock().unwrap(), [Some("bytes=5-".to_owned())]);
    assert!(!cache.partial().join("it").exists());
}

#[tokio::test]
async fn another_file_is_refused_and_forgotten() {
    let dir = crate::testing::TempDir::new();
    let cache = Cache::new(dir.path());
    let (url, _) = serve(b"twelve other").await;
    let reason = run(&cache, &url).await.unwrap_err();
    assert!(reason.contains("another file"), "{reason}");
    assert!(!cache.path("it").exists() && !cache.partial().join("it").exists());
}

#[tokio::test]
async fn an_unreachable_host_is_asked_once() {
    let dir = crate::testing::TempDir::new();
    let cache = Cache::new(dir.path());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", closed.local_addr().unwrap());
    drop(closed);
    let mut web = Web::default();
    for _ in 0..2 {
        assert!(web.fetch(&cache, file(), &url, &mut |_| {}).await.is_err());
    }
    assert_eq!(web.unreachable.len(), 1);
}
