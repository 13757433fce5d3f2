//! The session of the admin pages: a cookie instead of a token or key, and what other sites cannot do with it.

use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::Value;

use super::{HISTORY, SESSION};
use crate::support::api::{Api, Setup, checked, user};

const EVERYBODY: &str = "/api/voice/history?allUsers=true";

/// Signs in; returns the cookie's name and value, and its whole header line.
async fn sign_in(api: &Api, credential: &str) -> (String, String) {
    let request = api.client.post(api.url(SESSION)).bearer_auth(credential);
    let response = request.send().await.unwrap();
    let line = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let (status, body) = checked(response).await;
    assert_eq!((status, &body["signedIn"]), (200, &Value::Bool(true)));
    (line.split(';').next().unwrap().to_owned(), line)
}

async fn with(api: &Api, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = api.client.request(method.parse().unwrap(), api.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    checked(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_cookie_stands_for_an_admins_token_or_a_key() {
    let api = Api::start(Setup::default()).await;
    let boss = user("boss", true);
    for (credential, name) in [
        (boss.as_str(), "BOSS"),
        ("key-admin", "root"),
        ("key-history", "h"),
    ] {
        let (cookie, line) = sign_in(&api, credential).await;
        assert!(line.contains("; HttpOnly; SameSite=Strict"), "{line}");
        assert!(!line.contains(credential), "{line}");
        let cookie = [(COOKIE.as_str(), cookie.as_str())];
        assert_eq!(with(&api, "GET", EVERYBODY, &cookie).await.0, 200);
        let (_, who) = with(&api, "GET", SESSION, &cookie).await;
        assert_eq!(
            (&who["signedIn"], &who["name"]),
            (&true.into(), &name.into())
        );
        assert!(who["expiresAt"].is_string());
    }
    assert_eq!(with(&api, "GET", SESSION, &[]).await.1["signedIn"], false);
    // Only those who see everybody's calls can have a session.
    assert_eq!(
        api.call("POST", SESSION, Some(&user("ann", false)), None)
            .await
            .0,
        403
    );
    assert_eq!(
        api.call("POST", SESSION, Some("key-token"), None).await.0,
        403
    );
    assert_eq!(api.call("POST", SESSION, None, None).await.0, 401);
    api.stop().await;
}

#[tokio::test]
async fn the_cookie_is_secure_but_on_this_machine() {
    let api = Api::start(Setup::default()).await;
    let (_, here) = sign_in(&api, "key-admin").await;
    assert!(!here.contains("Secure"), "{here}");
    let there = api
        .client
        .post(api.url(SESSION))
        .header("host", "calls.example")
        .bearer_auth("key-admin");
    let there = there.send().await.unwrap();
    let line = there.headers()[SET_COOKIE].to_str().unwrap();
    assert!(line.ends_with("; Secure"), "{line}");
    api.stop().await;
}

#[tokio::test]
async fn the_cookie_alone_changes_nothing() {
    let api = Api::start(Setup::default()).await;
    let (cookie, _) = sign_in(&api, "key-admin").await;
    let cookie = (COOKIE.as_str(), cookie.as_str());
    let header = ("x-sidetone-session", "1");
    let agent = "/api/voice/agent/nowhere";
    let (status, problem) = with(&api, "DELETE", agent, &[cookie]).await;
    assert_eq!(status, 403, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("X-Sidetone-Session")
    );
    let (status, _) = with(&api, "DELETE", agent, &[cookie, header]).await;
    assert!(!matches!(status, 401 | 403), "{status}");
    // A session cannot create a new session.
    assert_eq!(with(&api, "POST", SESSION, &[cookie, header]).await.0, 401);
    // Scripts of a listed origin may not send the header.
    let preflight = api
        .client
        .request(reqwest::Method::OPTIONS, api.url(agent))
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "DELETE")
        .header("access-control-request-headers", "x-sidetone-session");
    let answer = preflight.send().await.unwrap();
    let allowed = answer.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(!allowed.contains("x-sidetone-session"), "{allowed}");
    assert!(
        !answer
            .headers()
            .contains_key("access-control-allow-credentials")
    );
    api.stop().await;
}

#[tokio::test]
async fn a_forged_or_returned_cookie_is_refused() {
    let api = Api::start(Setup::default()).await;
    let (cookie, _) = sign_in(&api, "key-admin").await;
    let (front, last) = cookie.split_at(cookie.len() - 4);
    let other = if last == "AAAA" { "BBBB" } else { "AAAA" };
    for forged in [
        format!("{cookie}x"),
        format!("{front}{other}"),
        "sidetone_session=".into(),
    ] {
        let headers = [(COOKIE.as_str(), forged.as_str())];
        assert_eq!(
            with(&api, "GET", HISTORY, &headers).await.0,
            401,
            "{forged}"
        );
    }
    // Explicit credentials take precedence over the cookie.
    let both = [
        (COOKIE.as_str(), cookie.as_str()),
        ("authorization", "Bearer wrong"),
    ];
    assert_eq!(with(&api, "GET", HISTORY, &both).await.0, 401);
    let out = api.client.delete(api.url(SESSION)).send().await.unwrap();
    let line = out.headers()[SET_COOKIE].to_str().unwrap();
    assert!(
        line.starts_with("sidetone_session=; Path=/; Max-Age=0"),
        "{line}"
    );
    api.stop().await;
}

#[tokio::test]
async fn signing_out_ends_the_session_for_everyone_who_has_the_cookie() {
    let api = Api::start(Setup::default()).await;
    let boss = user("boss", true);
    let header = ("x-sidetone-session", "1");
    let mut cookies = Vec::new();
    for credential in [&boss, &boss, &boss, &"key-admin".to_owned()] {
        cookies.push(sign_in(&api, credential).await.0);
    }
    let open = async || {
        let mut open = Vec::new();
        for cookie in &cookies {
            let headers = [(COOKIE.as_str(), cookie.as_str())];
            open.push(with(&api, "GET", EVERYBODY, &headers).await.0 == 200);
        }
        open
    };
    assert_eq!(open().await, [true; 4]);
    let of = |n: usize| [(COOKIE.as_str(), cookies[n].as_str()), header];
    // Not with the cookie alone, and not sessions of others.
    assert_eq!(with(&api, "DELETE", SESSION, &of(0)[..1]).await.0, 403);
    assert_eq!(with(&api, "DELETE", SESSION, &of(0)).await.0, 204);
    assert_eq!(open().await, [false, true, true, true]);
    assert_eq!(
        with(&api, "GET", SESSION, &of(0)[..1]).await.1["signedIn"],
        false
    );

    // An admin sees who is signed in, and ends a session; its stream of live calls ends with it.
    let (_, list) = api.get("/api/voice/sessions", "key-admin").await;
    let sessions = list["sessions"].as_array().unwrap();
    let kinds: Vec<_> = sessions
        .iter()
        .map(|s| (&s["kind"], &s["holder"]))
        .collect();
    let [key, admin] =
        [("key", "root"), ("admin", "boss")].map(|(a, b)| (Value::from(a), Value::from(b)));
    assert_eq!(
        kinds,
        [(&key.0, &key.1), (&admin.0, &admin.1), (&admin.0, &admin.1)]
    );
    let stream = api
        .client
        .get(api.url("/api/voice/live"))
        .header(COOKIE, &cookies[2]);
    let stream = stream.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let id = sessions[1]["id"].as_str().unwrap();
    let path = format!("/api/voice/sessions/{id}");
    assert_eq!(
        api.call("DELETE", &path, Some("key-admin"), None).await.0,
        204
    );
    assert_eq!(
        api.call("DELETE", &path, Some("key-admin"), None).await.0,
        404
    );
    assert_eq!(open().await, [false, true, false, true]);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), stream.bytes()).await;
    ended.expect("the stream ends within 20 s").unwrap();

    // Everywhere: all sessions of the same admin, but nobody else's.
    cookies.push(sign_in(&api, &boss).await.0);
    let everywhere = format!("{SESSION}?everywhere=true");
    let headers = [(COOKIE.as_str(), cookies[4].as_str()), header];
    assert_eq!(with(&api, "DELETE", &everywhere, &headers).await.0, 204);
    let left = [(COOKIE.as_str(), cookies[1].as_str())];
    assert_eq!(with(&api, "GET", EVERYBODY, &left).await.0, 401);
    let keys = [(COOKIE.as_str(), cookies[3].as_str())];
    assert_eq!(with(&api, "GET", EVERYBODY, &keys).await.0, 200);
    let (status, problem) = with(&api, "DELETE", &format!("{SESSION}?all=1"), &[]).await;
    assert_eq!(
        (status, &problem["field"]),
        (400, &Value::from("everywhere"))
    );
    api.stop().await;
}
