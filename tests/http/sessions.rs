//! The admin pages' session: a cookie for a token or key, and what other sites cannot do with it.

use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::Value;

use super::support::api::{Api, Setup, checked, user};
use super::{HISTORY, SESSION};

const EVERYBODY: &str = "/api/voice/history?allUsers=true";

/// Signs in; gives the cookie's pair and its whole line.
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
    // Only those who see everybody's calls have use for one.
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
    // A session makes no longer session.
    assert_eq!(with(&api, "POST", SESSION, &[cookie, header]).await.0, 401);
    // A listed origin's script may not send the header.
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
async fn a_forged_or_returned_cookie_is_none() {
    let api = Api::start(Setup::default()).await;
    let (cookie, _) = sign_in(&api, "key-admin").await;
    for forged in [
        format!("{cookie}x"),
        cookie.replace('.', "A."),
        "sidetone_session=".into(),
    ] {
        let headers = [(COOKIE.as_str(), forged.as_str())];
        assert_eq!(
            with(&api, "GET", HISTORY, &headers).await.0,
            401,
            "{forged}"
        );
    }
    // What is presented explicitly counts, whatever the cookie says.
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
