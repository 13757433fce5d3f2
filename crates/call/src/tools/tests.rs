//! HTTP tools against a real server on loopback.

use std::net::Ipv4Addr;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;

use super::*;
use sidetone_config::agent::AgentConfig;
use sidetone_config::secret::Secrets;
use sidetone_config::tools::Action;

/// Answers with the request it got.
async fn server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = |headers: &HeaderMap| {
        let key = headers.get("x-key").and_then(|key| key.to_str().ok());
        key.unwrap_or("none").to_owned()
    };
    let tables = move |Path(day): Path<String>, Query(query): Query<Value>, headers: HeaderMap| async move {
        Json(json!({"day": day, "query": query, "key": key(&headers), "times": ["six", "seven"]}))
    };
    let router = Router::new()
        .route("/tables/{day}", get(tables))
        .route(
            "/book",
            post(|Json(body): Json<Value>| async move { Json(json!({"booked": body})) }),
        )
        .route(
            "/fails",
            get(|| async { (StatusCode::CONFLICT, "that table is taken") }),
        )
        .route("/hangs", get(std::future::pending::<()>))
        .route("/long", get(|| async { "x".repeat(300_000) }))
        .route(
            "/away",
            get(|| async { Redirect::temporary("https://elsewhere.example/") }),
        )
        .route("/round", get(|| async { Redirect::temporary("/round") }))
        .route(
            "/port/{to}",
            get(|Path(to): Path<u16>| async move {
                Redirect::temporary(&format!("http://127.0.0.1:{to}/tables/x"))
            }),
        )
        .route(
            "/moved",
            get(move || async move {
                Redirect::temporary(&format!("http://localhost:{port}/tables/x"))
            }),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

/// A tool as an agent's file describes it.
fn request(port: u16, rest: &str) -> HttpRequest {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.md"), "Be kind.").unwrap();
    let text = format!(
        "prompt = \"p.md\"\n[variables]\nshop = \"7\"\n[tools.t]\ndescription = \"d\"\n\
         {}\n[tools.t.parameters]\ntype = \"object\"\n\
         properties = {{ day = {{ type = \"string\" }}, people = {{ type = \"integer\" }} }}\n",
        rest.replace("HOST", &format!("http://127.0.0.1:{port}"))
    );
    let file = folder.path().join("a.toml");
    std::fs::write(&file, text).unwrap();
    let secrets = Secrets::from_variables([("SIDETONE_SECRET_DESK".into(), "hush".into())]);
    let agent = AgentConfig::load(&file, &secrets).unwrap_or_else(|error| panic!("{error}"));
    let Action::Http(request) = agent.tools[0].action.clone() else {
        panic!("not an HTTP tool");
    };
    request
}

async fn call(request: &HttpRequest, arguments: Value) -> Result<String, String> {
    let tools = HttpTools::new().unwrap();
    tools.call(request, &json!({"shop": "7"}), &arguments).await
}

#[tokio::test]
async fn asks_with_arguments_and_secrets() {
    let port = server().await;
    let tables = request(
        port,
        "url = \"HOST/tables/{{ args.day }}?shop={{ shop }}\"\nallow_private = true\n\
         headers = { X-Key = \"{{ secret.desk }}\" }",
    );
    let arguments = json!({"day": "a/b c", "people": 2});
    let answer: Value = serde_json::from_str(&call(&tables, arguments).await.unwrap()).unwrap();
    assert_eq!(answer["day"], "a/b c");
    assert_eq!(answer["query"], json!({"shop": "7", "people": "2"}));
    assert_eq!(answer["key"], "hush");

    let booked = request(
        port,
        "url = \"HOST/book\"\nmethod = \"POST\"\nallow_private = true",
    );
    let answer = call(&booked, json!({"day": "Monday", "people": 2}))
        .await
        .unwrap();
    assert_eq!(answer, r#"{"booked":{"day":"Monday","people":2}}"#);

    let shown = request(
        port,
        "url = \"HOST/tables/x\"\nallow_private = true\n\
         result = \"{{ status }}: {{ body.times | join(' or ') }}\"",
    );
    assert_eq!(call(&shown, json!({})).await.unwrap(), "200: six or seven");
}

#[tokio::test]
async fn a_lookup_is_the_answer_or_what_its_result_makes_of_it() {
    let port = server().await;
    let tools = HttpTools::new().unwrap();
    let found = async |result: &str| {
        let text = format!("url = \"HOST/tables/x\"\nallow_private = true\n{result}");
        let request = request(port, &text);
        tools.look_up(&request, &json!({})).await.unwrap()
    };
    assert_eq!(found("").await["times"], json!(["six", "seven"]));
    let part = found(r#"result = "{{ body.times | tojson }}""#).await;
    assert_eq!(part, json!(["six", "seven"]));
    let words = found(r#"result = "{{ status }}: {{ body.day }}""#).await;
    assert_eq!(words, "200: x");
    // A number is what an author wrote, not what a parser makes of it: "007" stays "007".
    assert_eq!(found(r#"result = "007""#).await, "007");
}

#[tokio::test]
async fn failures_are_reported_in_words() {
    let port = server().await;
    let to = |path: &str| {
        request(
            port,
            &format!("url = \"HOST{path}\"\nallow_private = true\ntimeout = \"200ms\""),
        )
    };
    let error = async |path: &str| call(&to(path), json!({})).await.unwrap_err();
    assert_eq!(
        error("/fails").await,
        "the server answered 409: that table is taken"
    );
    assert_eq!(
        error("/hangs").await,
        "the server did not answer within 200ms"
    );
    assert_eq!(
        error("/round").await,
        "the server redirected more than 3 times"
    );
    assert!(
        error("/away")
            .await
            .contains("redirected to a host that this tool may not use")
    );
    assert!(error("/moved").await.contains("redirected to a host"));
    let long = call(&to("/long"), json!({})).await.unwrap();
    assert!(long.chars().count() < 4100 && long.ends_with("(cut off)"));
    let nobody = call(
        &request(9, "url = \"HOST/\"\nallow_private = true"),
        json!({}),
    )
    .await;
    assert_eq!(nobody.unwrap_err(), "the server cannot be reached");
}

#[tokio::test]
async fn redirects_lead_only_where_the_file_says_and_leave_secrets_behind() {
    let port = server().await;
    let moved = request(
        port,
        "url = \"HOST/moved\"\nallow_private = true\nhosts = [\"localhost\"]\n\
         headers = { X-Key = \"{{ secret.desk }}\" }",
    );
    let answer: Value = serde_json::from_str(&call(&moved, json!({})).await.unwrap()).unwrap();
    assert_eq!(answer["key"], "none");
    // Another port of the same host is another server; the same port is not.
    let other = server().await;
    for (to, key) in [(other, "none"), (port, "hush")] {
        let ported = request(
            port,
            &format!(
                "url = \"HOST/port/{to}\"\nallow_private = true\n\
                 headers = {{ X-Key = \"{{{{ secret.desk }}}}\" }}"
            ),
        );
        let answer = call(&ported, json!({})).await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["key"], key, "port {to}");
    }
}

#[tokio::test]
async fn private_networks_are_out_of_reach() {
    for url in [
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
    ] {
        let error = call(&request(0, &format!("url = \"{url}\"")), json!({}))
            .await
            .unwrap_err();
        assert_eq!(
            error, "the address is private, which this tool may not use",
            "{url}"
        );
    }
}
