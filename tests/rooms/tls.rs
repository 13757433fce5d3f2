//! A livekit-server behind TLS, with a private CA. Uses the real program, because the environment is per process.

use std::path::Path;
use std::process::{Output, Stdio};

use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};
use tokio::process::Command;

use super::binary::{PROGRAM, Served};
use super::gate::Tls;
use super::person::token;
use super::{ANSWER, QUESTION, asks_for_hours};
use crate::control::served;

/// `sidetone call` with these arguments, which trusts the CA in `roots`.
async fn call(roots: Option<&Path>, arguments: &[&str]) -> Output {
    let audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
    let mut command = Command::new(PROGRAM);
    command
        .arg("call")
        .arg(audio.join(QUESTION))
        .args(arguments)
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots);
    }
    command.output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_held_on_a_server_behind_tls_with_a_private_ca() {
    let livekit = LiveKitServer::start().await.unwrap();
    let tls = Tls::before(&livekit).await;
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, &tls.ca).unwrap();
    let provider = FakeOpenAi::start(Timing::default()).await;
    asks_for_hours(&provider);
    let variables = [
        ("LIVEKIT_HOST", tls.url.as_str()),
        ("SSL_CERT_FILE", roots.to_str().unwrap()),
    ];
    let served = Served::start(&livekit, &provider, &variables).await;
    let server = format!("http://{}", served.address);
    let called = call(Some(&roots), &["--server", &server, "--json"]).await;
    let errors = String::from_utf8_lossy(&called.stderr);
    assert!(called.status.success(), "{errors}\n{}", served.log());
    let report = String::from_utf8_lossy(&called.stdout);
    assert!(report.contains(ANSWER), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_ca_is_not_known_is_an_error_in_words() {
    let livekit = LiveKitServer::start().await.unwrap();
    let tls = Tls::before(&livekit).await;
    let folder = tempfile::tempdir().unwrap();
    let token = token(&livekit, "tls", "ada");
    let arguments = ["--url", &tls.url, "--token", &token, "--limit", "5"];
    let refused = call(None, &arguments).await;
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    assert!(errors.contains("cannot be joined"), "{errors}");
    assert!(errors.contains("SSL_CERT_FILE"), "{errors}");

    let checked = Command::new(PROGRAM)
        .args(["check", "--agents", served::AGENTS])
        .env("LIVEKIT_HOST", &tls.url)
        .env("LIVEKIT_API_KEY", &livekit.api_key)
        .env("LIVEKIT_API_SECRET", &livekit.api_secret)
        .env("SIDETONE_DATA_DIR", folder.path())
        .output()
        .await
        .unwrap();
    let found = String::from_utf8_lossy(&checked.stdout);
    assert!(found.contains("set SSL_CERT_FILE"), "{found}");

    let nothing = call(Some(Path::new("/dev/null")), &arguments).await;
    let errors = String::from_utf8_lossy(&nothing.stderr);
    assert_eq!(nothing.status.code(), Some(1), "{errors}");
    assert!(errors.contains("SSL_CERT_FILE=/dev/null"), "{errors}");
}
