use super::*;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;

use crate::manifest;
use crate::testing::TempDir;

/// Stands in for Hugging Face: serves this content at every path except one, and records the requests.
async fn hugging_face(content: &'static [u8], missing: &'static str) -> (Web, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let app = Router::new().fallback(async move |uri: Uri| {
        seen.lock().unwrap().push(uri.path().to_owned());
        match uri.path().ends_with(missing) {
            true => StatusCode::NOT_FOUND.into_response(),
            false => content.into_response(),
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await });
    (Web::with_mirror(&url), asked)
}

type Asked = Arc<Mutex<Vec<String>>>;

fn extras() -> Vec<&'static Model> {
    crate::Settings::default().extras()
}

/// A model that is available only from Hugging Face, with content that the test knows.
fn voice(name: &str, content: &[u8]) -> &'static Model {
    let file = File {
        name: format!("{name}.onnx"),
        size: content.len() as u64,
        sha256: cache::hex(&Sha256::digest(content)),
        sources: vec![Source::Url(format!(
            "https://huggingface.co/somebody/voices/{name}.onnx"
        ))],
    };
    Box::leak(Box::new(Model {
        name: name.into(),
        task: "text to speech".into(),
        licence: "none".into(),
        remark: "a test's".into(),
        default: false,
        files: vec![file],
    }))
}

#[tokio::test]
async fn another_voice_under_a_published_name_is_refused() {
    let dir = TempDir::new();
    let cache = Cache::new(dir.path());
    let (web, asked) = hugging_face(b"another voice", "nothing").await;
    let mut told = Vec::new();
    fetch_where_possible(&cache, &extras(), web, &mut |progress| {
        if let Progress::SourceFailed { file, reason } = progress {
            told.push(format!("{file}: {reason}"));
        }
    })
    .await
    .unwrap();
    let voices = "/maureesewilliams/hibari/resolve/main/voices";
    let files = ["af_kore", "bf_emma", "am_fenrir_v2", "bm_fable"];
    let expected = files.map(|file| format!("{voices}/{file}.int8.onnx"));
    assert_eq!(*asked.lock().unwrap(), expected);
    assert_eq!(told.len(), 4);
    for (model, told) in extras().iter().zip(told) {
        assert!(told.contains(&model.files[0].sha256), "{told}");
        assert_eq!(model.state(&cache), manifest::State::Missing);
    }
}

#[tokio::test]
async fn an_unavailable_voice_does_not_hold_up_the_next() {
    let dir = TempDir::new();
    let cache = Cache::new(dir.path());
    let (web, asked) = hugging_face(b"a voice", "gone.onnx").await;
    let models = [voice("gone", b"a voice"), voice("here", b"a voice")];
    let mut ready = Vec::new();
    fetch_where_possible(&cache, &models, web, &mut |progress| {
        if let Progress::Ready { file } = progress {
            ready.push(file.to_owned());
        }
    })
    .await
    .unwrap();
    assert_eq!(asked.lock().unwrap().len(), 2);
    assert_eq!(ready, ["here.onnx"]);
    assert_eq!(std::fs::read(cache.path("here.onnx")).unwrap(), b"a voice");
    assert_eq!(models[0].state(&cache), manifest::State::Missing);
}

#[tokio::test]
async fn a_needed_model_that_is_unavailable_is_an_error() {
    let dir = TempDir::new();
    let cache = Cache::new(dir.path());
    let (mut web, _) = hugging_face(b"a voice", "gone.onnx").await;
    let gone = voice("gone", b"a voice");
    let outcome = fetch_model(&cache, gone, &mut web, &mut |_| {}).await;
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.contains("gone.onnx") && error.contains("404"),
        "{error}"
    );
}

#[tokio::test]
async fn where_hugging_face_cannot_be_reached_it_is_asked_once() {
    let dir = TempDir::new();
    let cache = Cache::new(dir.path());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let web = Web::with_mirror(&format!("http://{}", closed.local_addr().unwrap()));
    drop(closed);
    let mut told = Vec::new();
    fetch_where_possible(&cache, &extras(), web, &mut |progress| {
        if let Progress::SourceFailed { reason, .. } = progress {
            told.push(reason.to_owned());
        }
    })
    .await
    .unwrap();
    let again = told
        .iter()
        .filter(|reason| reason.contains("not reachable from here"));
    assert_eq!((told.len(), again.count()), (4, 3), "{told:?}");
}
