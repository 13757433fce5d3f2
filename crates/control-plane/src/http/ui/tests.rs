use super::*;

const FILE: File = File {
    name: "sidetone-call.js",
    body: b"plain",
    gzip: Some(b"packed"),
};

fn request(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
        .collect()
}

async fn body(response: Response) -> Vec<u8> {
    axum::body::to_bytes(response.into_body(), 1024)
        .await
        .unwrap()
        .to_vec()
}

#[tokio::test]
async fn gzip_goes_to_those_who_take_it() {
    let page = Page::new(FILE, &policy(None, None));
    let packed = page.answer(&request(&[(header::ACCEPT_ENCODING, "br, gzip;q=0.8")]));
    assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
    assert_eq!(body(packed).await, b"packed");
    for refuses in [&[][..], &[(header::ACCEPT_ENCODING, "gzip;q=0, br")][..]] {
        let plain = page.answer(&request(refuses));
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(body(plain).await, b"plain");
    }
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let page = Page::new(FILE, &policy(None, None));
    let first = page.answer(&HeaderMap::new());
    assert_eq!(first.status(), StatusCode::OK);
    let mut again = HeaderMap::new();
    again.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
    let second = page.answer(&again);
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    assert!(body(second).await.is_empty());
    // The ETag of one encoding differs from that of the other.
    again.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    assert_eq!(page.answer(&again).status(), StatusCode::OK);
}

#[test]
fn the_policy_lets_pages_reach_livekit_and_no_other() {
    let text = |url| policy(url, None).to_str().unwrap().to_owned();
    assert!(
        text(Some("wss://lk.example"))
            .contains("connect-src 'self' wss://lk.example https://lk.example;")
    );
    assert!(
        text(Some("ws://127.0.0.1:7880/")).contains("ws://127.0.0.1:7880 http://127.0.0.1:7880;")
    );
    assert!(text(Some("wss://p.livekit.cloud")).contains("wss://*.livekit.cloud"));
    assert!(text(None).contains("connect-src 'self' ;"));
    // An address that could add directives of its own is left out.
    assert!(!text(Some("wss://x; script-src *")).contains("script-src *"));
    let bucket = |url| policy(None, Some(url)).to_str().unwrap().to_owned();
    let played = bucket("https://calls.s3.eu-central-1.amazonaws.com/");
    let host = "'self' https://calls.s3.eu-central-1.amazonaws.com;";
    assert!(played.contains(&format!("media-src {host}")), "{played}");
    assert!(!bucket("https://x; script-src *").contains("script-src *"));
    for banned in ["{bucket}", "unsafe-inline", "unsafe-eval", "{livekit}"] {
        assert!(!text(Some("wss://lk.example")).contains(banned));
    }
}

#[test]
fn pages_have_names_without_endings() {
    assert_eq!(path("index.html"), "/");
    assert_eq!(path("calls.html"), "/admin/calls");
    assert_eq!(path("assets/try.js"), "/assets/try.js");
}

#[test]
fn every_route_can_be_registered() {
    // axum panics on a duplicate or malformed path.
    let _ = routes(UiSettings::default());
}
