//! The README's commands, run exactly as written.

use std::process::Command;

use crate::support::api::{Api, Setup};

/// The shell block after a heading of the README.
fn block(heading: &str) -> String {
    let readme = include_str!("../../README.md");
    let section = readme.split(heading).nth(1).expect("the section is there");
    let block = section
        .split("```")
        .nth(1)
        .expect("the section has a block");
    block.trim_start_matches("bash").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_curl_lines_work_as_written() {
    let lines = block("## Is it up?");
    assert_eq!(lines.matches("curl ").count(), 3, "{lines}");
    assert!(lines.contains(r#"-d '{"roomType": "support"}'"#), "{lines}");
    let api = Api::start(Setup {
        demo: true,
        ..Default::default()
    })
    .await;
    // curl's own settings redirect port 3000 to this test's server; the commands stay unchanged.
    let settings = tempfile::tempdir().unwrap();
    let lead = format!(
        "connect-to = \"localhost:3000:{}\"\nfail-with-body\nsilent\n",
        api.address
    );
    std::fs::write(settings.path().join(".curlrc"), lead).unwrap();
    let mut command = Command::new("bash");
    command
        .args(["-euc", &lines])
        .env("CURL_HOME", settings.path())
        .env_remove("http_proxy")
        .env("NO_PROXY", "localhost");
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{lines}\n{text}");
    let mut answers = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
    let token = answers.next().unwrap().unwrap();
    assert!(
        token["roomName"].as_str().unwrap().starts_with("support-"),
        "{token}"
    );
    assert!(
        token["token"].as_str().unwrap().split('.').count() == 3,
        "{token}"
    );
    assert_eq!(answers.next().unwrap().unwrap()["configured"], true);
    assert_eq!(answers.next().unwrap().unwrap()["status"], "ok");
    api.stop().await;
}
