use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;

fn provider(base_url: &str, key: Option<&str>) -> Result<Provider, SettingsError> {
    let settings = Settings {
        base_url: base_url.into(),
        api_key: key.map(ApiKey::new),
        model: "m".into(),
        timeout: Duration::from_secs(1),
        ..Settings::default()
    };
    Provider::new(Stage::Stt, &Http::new().unwrap(), settings)
}

#[test]
fn base_urls_are_checked_and_messages_name_only_the_host() {
    let good = provider("https://user:pass@example.org:8443/v1/", None).unwrap();
    assert_eq!(good.host, "example.org:8443");
    assert!(good.address.base().ends_with("/v1"));
    assert_eq!(
        provider("https://api.openai.com/v1", None).unwrap().host,
        "api.openai.com"
    );
    for bad in ["", "api.openai.com/v1", "ftp://x/v1", "http://"] {
        let error = provider(bad, None).err().unwrap();
        assert!(
            error.to_string().contains("https://api.openai.com/v1"),
            "{bad}: {error}"
        );
    }
}

#[test]
fn keys_are_trimmed_checked_and_hidden() {
    assert_eq!(
        provider("http://x/v1", Some(" k\n")).unwrap().headers[AUTHORIZATION],
        "Bearer k"
    );
    assert_eq!(
        provider("http://x/v1", Some("two\nlines")).err(),
        Some(SettingsError::Key { stage: Stage::Stt })
    );
    let shown = format!("{:?}", ApiKey::new("sk-secret"));
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn azure_has_a_header_of_its_own_and_others_may() {
    let settings = Settings {
        base_url: "https://shop.openai.azure.com/openai/v1".into(),
        api_key: Some(ApiKey::new("k")),
        headers: vec![("x-title".into(), ApiKey::new("Shop"))],
        ..Settings::default()
    };
    let azure = |auth| {
        let settings = Settings {
            auth,
            ..settings.clone()
        };
        Provider::new(Stage::Llm, &Http::new().unwrap(), settings)
            .unwrap()
            .headers
    };
    assert_eq!(azure(None)["api-key"], "k");
    assert_eq!(azure(None)["x-title"], "Shop");
    assert_eq!(azure(Some(Auth::Bearer))[AUTHORIZATION], "Bearer k");
    let bad = Settings {
        headers: vec![("a b".into(), ApiKey::new("c"))],
        ..settings
    };
    let bad = Provider::new(Stage::Llm, &Http::new().unwrap(), bad).err();
    assert_eq!(
        bad,
        Some(SettingsError::Header {
            stage: Stage::Llm,
            name: "a b".into()
        })
    );
}

#[test]
fn the_environments_proxy_is_not_for_this_machine() {
    let http = Http::new().unwrap();
    let is_loopback = |url: &str| {
        let url = Url::parse(url).unwrap();
        std::ptr::eq(http.client_for(&url), &raw const http.loopback)
    };
    for url in [
        "http://127.0.0.1:1/v1",
        "http://localhost/v1",
        "http://[::1]:1/v1",
    ] {
        assert!(is_loopback(url), "{url}");
    }
    for url in ["https://api.openai.com/v1", "http://10.0.0.1/v1"] {
        assert!(!is_loopback(url), "{url}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_moment_of_the_providers_clock() {
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    let parse = |text| {
        let mut headers = HeaderMap::new();
        headers.insert("date", HeaderValue::from_static(date));
        headers.insert("retry-after", HeaderValue::from_static(text));
        wait(&headers)
    };
    assert_eq!(parse("2"), Some(Duration::from_secs(2)));
    assert_eq!(parse("0.5"), Some(Duration::from_millis(500)));
    let moment = "Wed, 21 Oct 2015 07:28:07 GMT";
    assert_eq!(parse(moment), Some(Duration::from_secs(7)));
    let past = "Wed, 21 Oct 2015 07:27:00 GMT";
    assert_eq!(parse(past), Some(Duration::ZERO));
    let days = "Wed, 28 Oct 2015 07:28:00 GMT";
    for nonsense in ["", "soon", "-1", "NaN", "inf", "1e99", days] {
        assert_eq!(parse(nonsense), None, "{nonsense}");
    }

    let headers = HeaderMap::from_iter([(
        HeaderName::from_static("retry-after"),
        HeaderValue::from_static(moment),
    )]);
    assert_eq!(wait(&headers), None, "no date to count from");
}

/// As much of an HTTP/2 server as answers requests with 200. Its first connection is dead after one answer: it is
/// open, and nothing comes of it any more. Counts connections.
async fn server_that_is_lost() -> (std::net::SocketAddr, watch::Receiver<usize>) {
    const PREFACE: usize = 24;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (count, connections) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.send_modify(|count| *count += 1);
            let is_first = *count.borrow() == 1;
            tokio::spawn(async move {
                socket.read_exact(&mut [0; PREFACE]).await.unwrap();
                // Empty settings.
                socket
                    .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
                    .await
                    .unwrap();
                let mut head = [0; 9];
                while socket.read_exact(&mut head).await.is_ok() {
                    let [a, b, c, kind, flags, ..] = head;
                    let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                    let mut payload = vec![0; length];
                    socket.read_exact(&mut payload).await.unwrap();
                    let stream = &head[5..];
                    let is_answer = flags & 1 == 1;
                    let answer = match kind {
                        // Headers: ":status 200" ends the stream.
                        1 => [&[0, 0, 1, 1, 5], stream, &[0x88]].concat(),
                        4 if !is_answer => vec![0, 0, 0, 4, 1, 0, 0, 0, 0],
                        6 if !is_answer => [&[0, 0, 8, 6, 1], stream, &payload].concat(),
                        _ => continue,
                    };
                    socket.write_all(&answer).await.unwrap();
                    if is_first && kind == 1 {
                        std::future::pending::<()>().await;
                    }
                }
            });
        }
    });
    (address, connections)
}

#[tokio::test]
async fn a_dead_connection_is_given_up() {
    let (address, connections) = server_that_is_lost().await;
    let client = builder().http2_prior_knowledge().build().unwrap();
    let ask = async || client.get(format!("http://{address}/")).send().await;
    assert!(ask().await.is_ok());
    // Without the question for a sign of life this waits for ever, and so does whoever asks next.
    let lost = tokio::time::timeout(Duration::from_secs(20), ask()).await;
    assert!(lost.expect("the connection is still waited for").is_err());
    assert!(ask().await.is_ok());
    assert_eq!(*connections.borrow(), 2);
}
