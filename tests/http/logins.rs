//! Users' own tokens signed with RS256 and ES256: real keys, in a JWKS document on a real server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::HISTORY;
use crate::support::api::{Api, LOGIN_SECRET, Setup, claims, jwt, user};
use crate::support::eventually;

/// The product's login service: its key document, and how often that was fetched.
#[derive(Clone, Default)]
struct Login(
    Arc<Mutex<(Vec<Value>, u32)>>,
    /// Whether it hangs.
    Arc<AtomicBool>,
    /// Whether it fails.
    Arc<AtomicBool>,
);

impl Login {
    /// Serves the keys; returns the document's address.
    async fn serve(&self) -> String {
        let login = self.clone();
        let document = move || async move {
            login.0.lock().unwrap().1 += 1;
            if login.1.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            if login.2.load(Ordering::Relaxed) {
                return Err(StatusCode::BAD_GATEWAY);
            }
            let state = login.0.lock().unwrap();
            Ok(Json(json!({"keys": state.0})))
        };
        let router = Router::new().route("/.well-known/jwks.json", get(document));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/.well-known/jwks.json")
    }

    fn publish(&self, keys: &[&Value]) {
        self.0.lock().unwrap().0 = keys.iter().map(|key| (*key).clone()).collect();
    }

    fn fetches(&self) -> u32 {
        self.0.lock().unwrap().1
    }
}

struct Rsa(RsaKeyPair, Value);

impl Rsa {
    fn new(kid: &str) -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        // RFC 8017, A.1.1: a sequence of the modulus (after a zero octet) and the exponent 65537.
        let der = pair.public_key().as_ref();
        assert_eq!((der.len(), &der[4..9]), (270, &[2, 0x82, 1, 1, 0][..]));
        let jwk = json!({"kid": kid, "kty": "RSA", "use": "sig", "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(&der[9..265]), "e": URL_SAFE_NO_PAD.encode(&der[267..])});
        Self(pair, jwk)
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        self.0
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .unwrap();
        signature
    }

    fn token(&self, kid: &str, id: &str, admin: bool) -> String {
        let head = json!({"alg": "RS256", "kid": kid});
        jwt(head, &claims(id, admin), |signed| self.sign(signed))
    }
}

struct Ec(EcdsaKeyPair, Value);

impl Ec {
    fn new(kid: &str) -> Self {
        let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(alg, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(alg, pkcs8.as_ref(), &SystemRandom::new()).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = json!({"kid": kid, "kty": "EC", "crv": "P-256",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])});
        Self(pair, jwk)
    }

    fn token(&self, kid: &str, id: &str) -> String {
        let head = json!({"alg": "ES256", "kid": kid});
        jwt(head, &claims(id, false), |signed| {
            self.0
                .sign(&SystemRandom::new(), signed)
                .unwrap()
                .as_ref()
                .to_vec()
        })
    }
}

async fn api(login: &Login) -> Api {
    let url = login.serve().await;
    Api::start(Setup {
        variables: vec![("SIDETONE_JWKS_URL", url)],
        ..Default::default()
    })
    .await
}

#[tokio::test]
async fn rs256_and_es256_tokens_of_published_keys_are_taken() {
    let login = Login::default();
    let (rsa, ec) = (Rsa::new("r1"), Ec::new("e1"));
    login.publish(&[&rsa.1, &ec.1]);
    let api = api(&login).await;
    assert_eq!(
        api.get(HISTORY, &rsa.token("r1", "ann", false)).await.0,
        200
    );
    assert_eq!(api.get(HISTORY, &ec.token("e1", "bob")).await.0, 200);
    let everybody = format!("{HISTORY}?allUsers=true");
    assert_eq!(
        api.get(&everybody, &rsa.token("r1", "ann", false)).await.0,
        403
    );
    assert_eq!(
        api.get(&everybody, &rsa.token("r1", "boss", true)).await.0,
        200
    );
    assert_eq!(login.fetches(), 1, "the document is kept");
    api.stop().await;
}

#[tokio::test]
async fn a_rotated_key_is_taken_at_once_and_the_old_one_no_more() {
    let login = Login::default();
    let (old, new) = (Rsa::new("2025"), Rsa::new("2026"));
    login.publish(&[&old.1]);
    let api = api(&login).await;
    assert_eq!(
        api.get(HISTORY, &old.token("2025", "ann", false)).await.0,
        200
    );
    login.publish(&[&new.1]);
    assert_eq!(
        api.get(HISTORY, &new.token("2026", "ann", false)).await.0,
        200
    );
    assert_eq!(
        api.get(HISTORY, &old.token("2025", "ann", false)).await.0,
        401
    );
    // Unknown key ids do not cause repeated fetches.
    let fetches = login.fetches();
    for n in 0..20 {
        let invented = old.token(&format!("invented-{n}"), "ann", false);
        assert_eq!(api.get(HISTORY, &invented).await.0, 401);
    }
    assert_eq!((fetches, login.fetches()), (2, 2));
    api.stop().await;
}

#[tokio::test]
async fn what_an_attacker_can_sign_is_refused() {
    let login = Login::default();
    let (rsa, ec, foreign) = (Rsa::new("r1"), Ec::new("e1"), Rsa::new("r1"));
    login.publish(&[&rsa.1, &ec.1]);
    let api = api(&login).await;
    let claims = claims("ann", true);
    let public = rsa.0.public_key().as_ref().to_vec();
    let modulus = rsa.1["n"].as_str().unwrap().as_bytes().to_vec();
    // The public key as an HS256 secret, in the forms that libraries have accepted by mistake.
    let hs256 = |secret: &[u8]| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        jwt(json!({"alg": "HS256", "kid": "r1"}), &claims, |signed| {
            ring::hmac::sign(&key, signed).as_ref().to_vec()
        })
    };
    let with_head = |head: Value| jwt(head, &claims, |signed| rsa.sign(signed));
    let refused = [
        ("public key as secret", hs256(&public)),
        ("modulus as secret", hs256(&modulus)),
        ("document as secret", hs256(rsa.1.to_string().as_bytes())),
        ("empty secret", hs256(b"")),
        ("the other login's secret", user("ann", true)),
        (
            "a secret that is set nowhere",
            hs256(LOGIN_SECRET.as_bytes()),
        ),
        (
            "another key of the same name",
            foreign.token("r1", "ann", true),
        ),
        (
            "an RSA signature called ES256",
            with_head(json!({"alg": "ES256", "kid": "r1"})),
        ),
        (
            "an RSA signature for the EC key",
            with_head(json!({"alg": "RS256", "kid": "e1"})),
        ),
        ("RS512", with_head(json!({"alg": "RS512", "kid": "r1"}))),
        ("none", jwt(json!({"alg": "none"}), &claims, |_| Vec::new())),
        ("no key named", with_head(json!({"alg": "RS256"}))),
        // RFC 7515, 4.1.2 and 4.1.3: keys embedded in a token are ignored.
        (
            "its own key in the head",
            jwt(
                json!({"alg": "RS256", "kid": "own", "jwk": foreign.1}),
                &claims,
                |signed| foreign.sign(signed),
            ),
        ),
    ];
    for (what, token) in &refused {
        assert_eq!(api.get(HISTORY, token).await.0, 401, "{what}");
    }
    assert_eq!(api.get(HISTORY, &rsa.token("r1", "ann", true)).await.0, 200);
    api.stop().await;
}

#[tokio::test]
async fn a_login_that_hangs_holds_up_only_whoever_shows_an_unknown_key() {
    let login = Login::default();
    let rsa = Rsa::new("r1");
    login.publish(&[&rsa.1]);
    let api = api(&login).await;
    let known = rsa.token("r1", "ann", false);
    assert_eq!(api.get(HISTORY, &known).await.0, 200);
    login.1.store(true, Ordering::Relaxed);
    let stranger = rsa.token("invented", "eve", false);
    let mut hanging = Box::pin(api.get(HISTORY, &stranger));
    let soon = tokio::time::timeout(Duration::from_millis(500), &mut hanging).await;
    assert!(soon.is_err(), "the document is being fetched");
    assert_eq!(login.fetches(), 2);
    // It is answered while the other one still waits.
    tokio::select! {
        biased;
        answer = api.get(HISTORY, &known) => assert_eq!(answer.0, 200),
        answer = &mut hanging => panic!("first came {answer:?}"),
    }
    // Only the login service could tell whether this is a new key.
    assert_eq!(hanging.await.0, 503);
    api.stop().await;
}

#[tokio::test]
async fn an_unreachable_login_is_not_the_users_fault() {
    let rsa = Rsa::new("r1");
    let api = Api::start(Setup {
        variables: vec![("SIDETONE_JWKS_URL", "http://127.0.0.1:9/jwks".into())],
        ..Default::default()
    })
    .await;
    let (status, problem) = api.get(HISTORY, &rsa.token("r1", "ann", false)).await;
    assert_eq!(
        (status, &problem["title"]),
        (503, &json!("Login not reachable"))
    );
    assert_eq!(api.get(HISTORY, "key-admin").await.0, 200);
    api.stop().await;
}

#[tokio::test]
async fn a_login_that_comes_back_is_asked_again_soon() {
    let login = Login::default();
    let rsa = Rsa::new("r1");
    login.publish(&[&rsa.1]);
    login.2.store(true, Ordering::Relaxed);
    let api = api(&login).await;
    let token = rsa.token("r1", "ann", false);
    for _ in 0..20 {
        assert_eq!(api.get(HISTORY, &token).await.0, 503);
    }
    assert!(login.fetches() < 20, "not for each request");
    login.2.store(false, Ordering::Relaxed);
    eventually("the token is taken", 20, || async {
        (api.get(HISTORY, &token).await.0 == 200).then_some(())
    })
    .await;
    // The same as when an unknown key is looked up.
    login.2.store(true, Ordering::Relaxed);
    let new = Rsa::new("r2");
    login.publish(&[&rsa.1, &new.1]);
    let token = new.token("r2", "ann", false);
    assert_eq!(api.get(HISTORY, &token).await.0, 503);
    login.2.store(false, Ordering::Relaxed);
    eventually("the new key is taken", 20, || async {
        (api.get(HISTORY, &token).await.0 == 200).then_some(())
    })
    .await;
    api.stop().await;
}

#[tokio::test]
async fn keys_that_cannot_be_read_do_not_hide_the_others() {
    let login = Login::default();
    let rsa = Rsa::new("r1");
    let mut own = rsa.1.clone();
    own["use"] = Value::Null;
    let odd = json!({"kid": null, "kty": "oct", "n": 7});
    login.publish(&[&odd, &json!("nonsense"), &own]);
    let api = api(&login).await;
    let status = api.get(HISTORY, &rsa.token("r1", "ann", false)).await.0;
    assert_eq!(status, 200);
    api.stop().await;
}
