use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::IntoResponse;
use axum::routing::get;
use futures::StreamExt as _;
use futures::stream;

use super::*;

#[tokio::test]
async fn what_does_not_ask_for_it_comes_at_the_end_only() {
    let slowly = || {
        let pieces = stream::iter(["one ", "two "]).chain(stream::pending());
        Body::from_stream(pieces.map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece))))
    };
    let router = Router::new()
        .route("/whole", get(async || "all of it"))
        .route("/buffered", get(async move || slowly()))
        .route(
            "/passed",
            get(async move || ([("x-accel-buffering", "no")], slowly()).into_response()),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let proxy = BufferingProxy::before(server).await.unwrap();
    let get = async |path: &str| reqwest::get(format!("http://{}{path}", proxy.address)).await;
    let whole = get("/whole").await.unwrap().text().await.unwrap();
    assert_eq!(whole, "all of it");
    let mut passed = get("/passed").await.unwrap();
    assert!(passed.chunk().await.unwrap().unwrap().starts_with(b"one "));
    let late = tokio::time::timeout(Duration::from_millis(500), get("/buffered")).await;
    assert!(late.is_err(), "{late:?}");
}
