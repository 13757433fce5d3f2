//! The API against its own OpenAPI document, by schemathesis: no request causes a 5xx, and every response has a
//! status, a content type and a shape that the document describes.

use std::time::Duration;

use sidetone_control_plane::http::HttpConfig;
use sidetone_control_plane::http::limits::Rate;
use tokio::process::Command;

use crate::support::api::{Api, Setup};
use crate::support::{credentials, livekit, tools};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";
/// schemathesis waits for slow servers, but not for this.
const DEADLINE: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn no_request_breaks_the_api_or_its_document() {
    let server = livekit(None).await;
    let often = Rate {
        burst: 1e6,
        per_second: 1e6,
    };
    let setup = Setup {
        livekit: Ok(credentials(&server)),
        ..Default::default()
    };
    let api = Api::start(Setup {
        http: HttpConfig {
            write_rate: often,
            address_rate: often,
            ..setup.http
        },
        ..setup
    })
    .await;
    // Calls for the history: an empty history has few shapes.
    for room_type in ["support", "conference"] {
        let body = serde_json::json!({"roomType": room_type, "userId": "ann"});
        assert_eq!(api.post("/api/voice/token", "key-admin", body).await.0, 200);
    }
    // A drained pool correctly answers 503, so draining comes last.
    const DRAIN: &str = "/api/voice/workers/{workerId}/drain";
    // A stream of events has no end to wait for; tests/http/live.rs reads it.
    const LIVE: &str = "/api/voice/live";
    schemathesis(&api, &["--exclude-path", LIVE, "--exclude-path", DRAIN]).await;
    schemathesis(&api, &["--include-path", DRAIN]).await;
    api.stop().await;
}

async fn schemathesis(api: &Api, paths: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(tools().join("python/bin/st"))
        .args([
            "run",
            &api.url("/openapi.json"),
            "--header",
            "Authorization: Bearer key-admin",
        ])
        .args(paths)
        .args([
            "--checks",
            CHECKS,
            "--seed",
            "1",
            "--max-examples",
            "25",
            "--no-shrink",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--no-color",
            "--warnings",
            "off",
        ])
        .args(["--suppress-health-check", "all", "--request-timeout", "20"])
        .current_dir(folder.path())
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(DEADLINE, run)
        .await
        .expect("schemathesis ends")
        .expect("schemathesis is installed: run `make tools`");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "the API and its document differ, see above"
    );
    assert!(
        text.contains("POST /api/voice/token") || text.contains("Tested"),
        "nothing was tested"
    );
}
