//! The real program in other people's environments: configured by files, under a path prefix, with two addresses of
//! LiveKit, behind a proxy, in a network with its own CA.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Postgres, S3Server, Timing, s3};
use tokio::process::Command;

use crate::control::served;
use crate::rooms::binary::{PROGRAM, Served};
use crate::rooms::gate::{Authority, PROXIED, Proxy, Tls};
use crate::support::claims;

const QUESTION: &str = "cards-five-five.wav";
const ANSWER: &str = "We open at nine.";

/// Variables that the tests' own environment may contain, and that these tests are about.
const OURS: [&str; 10] = [
    "LIVEKIT_HOST",
    "LIVEKIT_URL",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "OPENAI_API_KEY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
];

/// The program in a folder, with only these variables.
fn program(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder);
    for name in OURS {
        command.env_remove(name);
    }
    command
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs `sidetone call` against a control plane whose agent has one question to answer.
async fn call(server: &str, variables: &[(&str, &str)]) -> Output {
    let audio = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/audio/");
    let file = format!("{audio}{QUESTION}");
    let arguments = ["call", &file, "--server", server, "--json"];
    let mut command = program(Path::new("."), &arguments, variables);
    command.output().await.unwrap()
}

fn was_answered(called: &Output, served: &Served) {
    let errors = String::from_utf8_lossy(&called.stderr);
    assert!(called.status.success(), "{errors}\n{}", served.log());
    let report = String::from_utf8_lossy(&called.stdout);
    assert!(report.contains(ANSWER), "{report}");
}

async fn provider() -> FakeOpenAi {
    let provider = FakeOpenAi::start(Timing::default()).await;
    provider.default_transcript("What are your opening hours?");
    provider.default_answer(ANSWER);
    provider
}

/// The items in the output of `sidetone check --json`.
fn items(checked: &Output) -> Vec<Value> {
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap_or_else(|error| {
        let errors = String::from_utf8_lossy(&checked.stderr);
        panic!("{error}: {errors}");
    });
    report["items"].as_array().unwrap().clone()
}

fn item<'a>(items: &'a [Value], name: &str) -> &'a Value {
    let found = items.iter().find(|item| item["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {items:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_by_files_is_read() {
    let livekit = LiveKitServer::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        ".env.local",
        &format!(
            "# LiveKit (WebRTC Voice Calls)\nLIVEKIT_HOST={}\nLIVEKIT_API_KEY={}\n",
            livekit.url, livekit.api_key
        ),
    );
    write(
        ".env",
        &format!(
            "LIVEKIT_HOST=wss://nowhere.invalid\nexport LIVEKIT_API_SECRET=\"{}\"\n\
             SIDETONE_AGENT_NAME=of-the-file\nSIDETONE_DATA_DIR={}\n",
            livekit.api_secret,
            folder.path().join("data").display()
        ),
    );
    let check = ["check", "--json", "--agents", served::AGENTS];
    let given = [("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")];
    let checked = program(folder.path(), &check, &given)
        .output()
        .await
        .unwrap();
    let found = items(&checked);
    assert_eq!(item(&found, "livekit")["outcome"], "ok", "{found:#?}");
    let told = String::from_utf8_lossy(&checked.stderr);
    assert!(told.contains(".env.local, .env"), "{told}");

    // The process's own variables take precedence over both files.
    let given = [("LIVEKIT_HOST", "https://wrong.example"), given[0]];
    let checked = program(folder.path(), &check, &given)
        .output()
        .await
        .unwrap();
    let livekit = items(&checked);
    let found = item(&livekit, "livekit")["found"].as_str().unwrap();
    assert!(found.contains("https://wrong.example"), "{found}");

    write(".env", "SIDETONE_DEMO=true\na very secret line\n");
    let refused = program(folder.path(), &check, &given)
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && told.contains(".env:2: write NAME=value"),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
}

/// Agents and callers reach LiveKit at different addresses; the control plane is found under a path, whether or not
/// the proxy in front of it removes the path.
#[tokio::test(flavor = "multi_thread")]
async fn callers_have_an_address_and_a_path_of_their_own() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let public = livekit.url.replace("127.0.0.1", "localhost");
    assert_ne!(public, livekit.url);
    let variables = [
        ("LIVEKIT_PUBLIC_URL", public.as_str()),
        ("SIDETONE_PUBLIC_URL", "https://example.com/voice/"),
    ];
    let served = Served::start(&livekit, &provider, &variables).await;
    let at = |path: &str| format!("http://{}{path}", served.address);
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for root in ["", "/voice"] {
        let asked = http.post(at(&format!("{root}/api/voice/token")));
        let answer = asked
            .json(&json!({"roomType": "support"}))
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["livekitHost"], *public, "{answer}");
        assert_eq!(answer["server_url"], *public, "{answer}");
        assert!(claims(answer["token"].as_str().unwrap())["video"]["room"].is_string());

        let page = http.get(at(&format!("{root}/"))).send().await.unwrap();
        assert_eq!(page.status(), 200, "{root}/");
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains(&public) && !policy.contains(&livekit.url),
            "{policy}"
        );
        all_is_found(&http, &at(&format!("{root}/"))).await;
        for found in ["/docs", "/openapi.json", "/healthz", "/ui/config.json"] {
            let answer = http
                .get(at(&format!("{root}{found}")))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200, "{root}{found}");
        }
    }
    let bare = http.get(at("/voice")).send().await.unwrap();
    assert_eq!(bare.status(), 308);
    assert_eq!(bare.headers()["location"], "/voice/");
    was_answered(&call(&at("/voice"), &[]).await, &served);
}

/// Checks that everything a page refers to is found relative to the page, recursively.
async fn all_is_found(http: &reqwest::Client, page: &str) {
    let root = reqwest::Url::parse(page).unwrap();
    let mut named = vec![root.clone()];
    let mut seen = BTreeSet::new();
    while let Some(url) = named.pop() {
        if !seen.insert(url.to_string()) {
            continue;
        }
        assert!(
            url.path().starts_with(root.path()),
            "{url} is outside of {root}"
        );
        let answer = http.get(url.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        if kind.starts_with("text/html") && !url.path().ends_with("/docs") {
            let text = answer.text().await.unwrap();
            let links = ["href=\"", "src=\""].into_iter();
            let links = links.flat_map(|mark| text.split(mark).skip(1));
            named.extend(links.map(|rest| url.join(rest.split('"').next().unwrap()).unwrap()));
        }
    }
    assert!(seen.len() > 1, "{page} names nothing");
}

/// LiveKit is reachable only through the proxy, which alone can resolve its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_held_through_a_proxy() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let tls = Tls::before(&livekit).await;
    let proxy = Proxy::to(tls.port).await;
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, &tls.ca).unwrap();
    let host = format!("wss://{PROXIED}");
    let variables = [
        ("LIVEKIT_HOST", host.as_str()),
        ("HTTPS_PROXY", proxy.url.as_str()),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("NO_PROXY", "elsewhere.example"),
        ("SSL_CERT_FILE", roots.to_str().unwrap()),
    ];
    let served = Served::start(&livekit, &provider, &variables).await;
    let server = format!("http://{}", served.address);
    was_answered(&call(&server, &variables[1..]).await, &served);
    let asked = proxy.asked();
    // The worker, its rooms, the API, and the caller.
    let to = format!("CONNECT {PROXIED}:443 HTTP/1.1");
    assert!(
        asked.len() >= 4 && asked.iter().all(|line| *line == to),
        "{asked:?}"
    );
    assert!(!served.log().contains("very-secret"), "{}", served.log());
}

/// Every server involved has a certificate of the same private CA.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_ca_is_trusted_wherever_we_connect() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = provider().await;
    let bucket = S3Server::start();
    let authority = Authority::new();
    let before = |url: &str| {
        url.split("://")
            .nth(1)
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let signalling = Tls::to(&before(&livekit.http_url), &authority).await;
    let models = Tls::to(&before(&provider.base_url()), &authority).await;
    let objects = Tls::to(&before(&bucket.endpoint()), &authority).await;
    let (certificate, key) = authority.certify();
    let postgres = Postgres::start_secure(&certificate.pem(), &key.serialize_pem());
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let (data, roots) = (folder.path().join("data"), roots.to_str().unwrap());
    let models = format!("https://localhost:{}/v1", models.port);
    let objects = format!("https://localhost:{}", objects.port);
    let database = format!(
        "postgres://postgres@localhost:{}/postgres?sslmode=verify-full",
        postgres.port()
    );
    let variables = [
        ("LIVEKIT_HOST", signalling.url.as_str()),
        ("LIVEKIT_API_KEY", livekit.api_key.as_str()),
        ("LIVEKIT_API_SECRET", livekit.api_secret.as_str()),
        ("OPENAI_API_KEY", "sk-test"),
        ("OPENAI_BASE_URL", models.as_str()),
        ("DATABASE_URL", database.as_str()),
        ("LIVEKIT_RECORDING_BUCKET", s3::BUCKET),
        ("LIVEKIT_RECORDING_ENDPOINT", objects.as_str()),
        ("AWS_ACCESS_KEY_ID", s3::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", s3::SECRET_KEY),
        ("SIDETONE_DATA_DIR", data.to_str().unwrap()),
        ("SIDETONE_DEMO", "true"),
        ("SSL_CERT_FILE", roots),
    ];
    let check = ["check", "--json", "--live", "--agents", served::AGENTS];
    let checked = program(folder.path(), &check, &variables)
        .output()
        .await
        .unwrap();
    let found = items(&checked);
    let parts = ["livekit", "media", "database", "models", "bucket", "live"];
    let wrong = |item: &&Value| {
        item["outcome"] == "wrong" && parts.contains(&item["name"].as_str().unwrap())
    };
    let wrong: Vec<_> = found.iter().filter(wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for part in ["livekit", "models", "bucket"] {
        assert_eq!(item(&found, part)["outcome"], "ok", "{found:#?}");
    }
    let strangers = &variables[..variables.len() - 1];
    let check = ["check", "--json", "--agents", served::AGENTS];
    let mut checked = program(folder.path(), &check, strangers);
    let found = items(&checked.output().await.unwrap());
    for part in ["livekit", "database", "models", "bucket"] {
        assert_eq!(item(&found, part)["outcome"], "wrong", "{found:#?}");
    }
}
