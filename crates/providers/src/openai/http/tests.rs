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
