//! `sidetone check`: each item in its good and bad states.

use std::os::unix::fs::PermissionsExt as _;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use sidetone::check::{self, Item, Outcome, Report};
use sidetone_config::env::Env;

use crate::support::{credentials, livekit};

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_what_is_wrong_and_says_the_fix() {
    let server = livekit(None).await;
    let livekit = credentials(&server);
    let folder = std::env::temp_dir().join(format!("sidetone-check-{}", uuid::Uuid::new_v4()));
    let look = async |host: &str, secret: &str, demo: &str, database: &str| {
        let env = Env::from_lookup(|name| match name {
            "LIVEKIT_HOST" => Some(host.to_owned()),
            "LIVEKIT_API_KEY" => Some(server.api_key.clone()),
            "LIVEKIT_API_SECRET" => Some(secret.to_owned()),
            "SIDETONE_DATA_DIR" => Some(folder.display().to_string()),
            "SIDETONE_DEMO" => Some(demo.to_owned()),
            "DATABASE_URL" => Some(database.to_owned()),
            _ => None,
        });
        check::run(env, &[], false, Vec::new()).await
    };
    let secret = &server.api_secret;
    let good = look(&livekit.host, secret, "true", "").await;
    assert!(good.is_good(), "{}", good.to_text());
    let outcome = |report: &Report, name: &str| {
        report
            .items
            .iter()
            .find(|item| item.name == name)
            .map(|item| item.outcome)
    };
    assert_eq!(outcome(&good, "livekit"), Some(Outcome::Ok));
    assert_eq!(
        outcome(&good, "clock"),
        Some(Outcome::Ok),
        "{}",
        good.to_text()
    );

    let wrong_key = look(
        &livekit.host,
        "not the secret of this server, but long",
        "true",
        "",
    )
    .await;
    assert_eq!(
        outcome(&wrong_key, "livekit"),
        Some(Outcome::Wrong),
        "{}",
        wrong_key.to_text()
    );
    assert!(wrong_key.to_text().contains("LIVEKIT_API_SECRET"));
    let nobody = look("ws://127.0.0.1:9", secret, "true", "").await;
    assert!(
        nobody.to_text().contains("check LIVEKIT_HOST"),
        "{}",
        nobody.to_text()
    );
    let closed = look(
        &livekit.host,
        secret,
        "false",
        "postgres://u:very-secret@127.0.0.1:9/d",
    )
    .await;
    assert_eq!(outcome(&closed, "logins"), Some(Outcome::Wrong));
    assert_eq!(outcome(&closed, "database"), Some(Outcome::Wrong));
    for report in [&good, &wrong_key, &closed] {
        let text = format!(
            "{}{}",
            report.to_text(),
            serde_json::to_string(report).unwrap()
        );
        assert!(
            !text.contains(secret) && !text.contains("very-secret"),
            "{text}"
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// A server that answers every request with this status and header.
async fn answers(status: u16, header: &'static str, value: &'static str) -> String {
    let answer = move || async move {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(header), value.parse().unwrap());
        (StatusCode::from_u16(status).unwrap(), headers)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address.to_string()
}

/// The item, the variables, the outcome, part of the fix.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Outcome, &'a str);

/// The item called `name` with these variables.
async fn item(name: &str, variables: &[(&str, &str)]) -> Item {
    let folder = tempfile::tempdir().unwrap();
    let env = Env::from_lookup(|wanted| match wanted {
        "SIDETONE_DATA_DIR" => Some(folder.path().display().to_string()),
        _ => {
            let mut variables = variables.iter();
            variables
                .find(|(known, _)| *known == wanted)
                .map(|(_, value)| (*value).to_owned())
        }
    });
    let report: Report = check::run(env, &[], false, Vec::new()).await;
    let found = report.items.iter().find(|item| item.name == name);
    found
        .unwrap_or_else(|| panic!("{name} in {}", report.to_text()))
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_value_is_reported_with_its_fix() {
    let late = answers(200, "date", "Sun, 06 Nov 1994 08:49:37 GMT").await;
    let fine = answers(200, "x-fine", "yes").await;
    let refusing = answers(401, "x-fine", "no").await;
    let broken = answers(500, "x-fine", "no").await;
    let (late, nobody) = (format!("ws://{late}"), "http://127.0.0.1:9");
    let at = |address: &str| format!("http://{address}");
    let (fine, refusing, broken) = (at(&fine), at(&refusing), at(&broken));
    let keys = |host| {
        [
            ("LIVEKIT_HOST", host),
            ("LIVEKIT_API_KEY", "k"),
            ("LIVEKIT_API_SECRET", "s"),
        ]
    };
    let jwt = ("SIDETONE_JWT_SECRET", "very-secret-value-0123456789abcdef");
    let openai = |base| {
        [
            ("OPENAI_API_KEY", "very-secret-value"),
            ("OPENAI_BASE_URL", base),
        ]
    };
    let bucket = [
        ("LIVEKIT_RECORDING_BUCKET", "calls"),
        ("LIVEKIT_RECORDING_ENDPOINT", nobody),
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", "very-secret-value"),
    ];
    let file = "sqlite:/dev/null/no-folder/x.db";
    use Outcome::{Note, Ok, Wrong};
    let cases: [Case<'_>; 21] = [
        (
            "environment",
            &[("SIDETONE_BIND", "3000")],
            Wrong,
            "127.0.0.1:3000",
        ),
        (
            "environment",
            &[("SIDETONE_RETENTION_DAYS", "x")],
            Wrong,
            "whole number",
        ),
        (
            "livekit",
            &[],
            Wrong,
            "set LIVEKIT_HOST, LIVEKIT_API_KEY, LIVEKIT_API_SECRET",
        ),
        (
            "livekit",
            &keys("https://p.livekit.cloud"),
            Wrong,
            "LIVEKIT_HOST",
        ),
        ("clock", &keys(&late), Wrong, "NTP"),
        ("clock", &keys("ws://127.0.0.1:9"), Note, "NTP"),
        ("database", &[("DATABASE_URL", file)], Wrong, "DATABASE_URL"),
        ("database", &[], Note, "sidetone migrate"),
        ("webhook", &[], Note, "SIDETONE_PUBLIC_URL"),
        ("webhook", &public(&fine), Ok, ""),
        ("webhook", &public(&broken), Wrong, "is it running"),
        ("webhook", &public(nobody), Wrong, "sidetone serve"),
        ("webhook", &public("voice.example.com"), Wrong, "https://"),
        ("logins", &[], Wrong, "SIDETONE_JWT_SECRET"),
        ("logins", &[jwt], Ok, ""),
        (
            "logins",
            &[("SIDETONE_API_KEYS", "shop:token")],
            Wrong,
            "that entry",
        ),
        ("models", &openai(&fine), Ok, ""),
        ("models", &openai(&refusing), Wrong, "OPENAI_API_KEY"),
        ("bucket", &[], Note, "AWS_ACCESS_KEY_ID"),
        ("bucket", &bucket, Wrong, "LIVEKIT_RECORDING_"),
        ("models", &openai(nobody), Wrong, "OPENAI_BASE_URL"),
    ];
    for (name, variables, outcome, fix) in cases {
        let item = item(name, variables).await;
        assert_eq!(item.outcome, outcome, "{name} {variables:?}: {item:?}");
        assert!(
            item.fix.clone().unwrap_or_default().contains(fix),
            "{name} {variables:?}: {item:?}"
        );
        assert!(
            !format!("{item:?}").contains("very-secret-value"),
            "{item:?}"
        );
    }
}

/// Run as an operator would: text for people, JSON for programs, an exit code for scripts.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_prints_json_and_ends_with_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let server = livekit(None).await;
    let provider = format!("http://{}/v1", answers(200, "x-fine", "yes").await);
    let run = async |json: bool, demo: &str| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_sidetone"));
        command
            .arg("check")
            .args(json.then_some("--json"))
            .env("SIDETONE_DATA_DIR", folder.path())
            .env("LIVEKIT_HOST", &server.url)
            .env("LIVEKIT_API_KEY", &server.api_key)
            .env("LIVEKIT_API_SECRET", &server.api_secret)
            .env("OPENAI_BASE_URL", &provider)
            .env("SIDETONE_DEMO", demo)
            .env("SIDETONE_BINDD", "127.0.0.1:1");
        let output = command.output().await.unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, text) = run(true, "true").await;
    assert_eq!(code, Some(0), "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let items = report["items"].as_array().unwrap();
    let item = |name: &str| items.iter().find(|item| item["name"] == name).unwrap();
    assert_eq!(item("livekit")["outcome"], "ok");
    assert_eq!(item("variables")["outcome"], "note");
    assert!(
        item("variables")["found"]
            .as_str()
            .unwrap()
            .contains("SIDETONE_BINDD")
    );
    assert!(
        item("bucket")["found"]
            .as_str()
            .unwrap()
            .contains("not set")
    );
    let (code, text) = run(false, "false").await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("✗ logins") && text.contains("→ set SIDETONE_JWT_SECRET"),
        "{text}"
    );
    assert!(
        text.contains("✓ livekit") && !text.contains(&server.api_secret),
        "{text}"
    );
}

#[tokio::test]
async fn keys_that_others_can_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".env.local");
    std::fs::write(&file, "LIVEKIT_API_KEY=key\n").unwrap();
    let noted = async |mode: u32| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_sidetone"));
        command
            .args(["check", "--json"])
            .current_dir(folder.path())
            .env("SIDETONE_DATA_DIR", folder.path().join("data"));
        let output = command.output().await.unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let items = report["items"].as_array().unwrap().iter();
        let fixes = items.filter_map(|item| item["fix"].as_str());
        let modes = fixes.filter(|fix| fix.starts_with("chmod"));
        modes.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(noted(0o644).await, ["chmod 600 .env.local"]);
    assert_eq!(noted(0o600).await, Vec::<String>::new());
}

fn public(url: &str) -> [(&str, &str); 1] {
    [("SIDETONE_PUBLIC_URL", url)]
}
