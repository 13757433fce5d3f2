//! Tokens that are taken and tokens that are not.

use super::*;
use ring::hmac;
use ring::signature::{self, KeyPair as _};
use serde_json::json;
use sidetone_config::secret::Secret;

const SECRET: &str = "the secret of the product's login";

fn now() -> u64 {
    clock::wall().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn hs256(claims: &Value) -> String {
    let signed = format!(
        "{}.{}",
        part(&json!({"alg": "HS256", "typ": "JWT"})),
        part(claims)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))
    )
}

fn verifier() -> Verifier {
    Verifier::new(UserLogin {
        hs256_secret: Some(Secret::new(SECRET)),
        issuer: Some("https://login.example".into()),
        audience: Some("voice".into()),
        ..Default::default()
    })
}

fn good() -> Value {
    json!({"sub": "ann", "iss": "https://login.example", "aud": ["web", "voice"], "exp": now() + 60})
}

#[tokio::test]
async fn a_good_token_is_taken() {
    let claims = verifier().claims(&hs256(&good())).await.unwrap();
    assert_eq!(claims["sub"], "ann");
}

#[tokio::test]
async fn a_refused_token_says_why() {
    let verifier = verifier();
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        hs256(&claims)
    };
    let none = format!("{}.{}.", part(&json!({"alg": "none"})), part(&good()));
    let mut tampered = hs256(&good());
    let last = tampered.pop().unwrap();
    tampered.push(if last == 'A' { 'Q' } else { 'A' });
    let swapped = {
        let token = hs256(&good());
        let sign = token.rsplit('.').next().unwrap();
        format!(
            "{}.{}.{sign}",
            part(&json!({"alg": "HS256"})),
            part(&json!({"sub": "root"}))
        )
    };
    for (token, reason) in [
        (with("exp", json!(now() - 120)), "the token has expired"),
        (with("exp", Value::Null), "the token has no expiry (exp)"),
        (
            with("nbf", json!(now() + 600)),
            "the token is not valid yet",
        ),
        (
            with("nbf", json!("9999999999")),
            "the token's start (nbf) is no number",
        ),
        (
            with("iss", json!("evil")),
            "the token's issuer (iss) is not the expected one",
        ),
        (
            with("aud", json!("web")),
            "the token's audience (aud) is not the expected one",
        ),
        (none, "the token's algorithm must be HS256, RS256 or ES256"),
        (swapped, "the token's signature is wrong"),
        ("a.b".into(), "the token is not a JWT"),
        ("a.b.c.d".into(), "the token is not a JWT"),
        ("ä.ö.ü".into(), "the token is not a JWT"),
        (String::new(), "the token is not a JWT"),
    ] {
        assert_eq!(
            verifier.claims(&token).await,
            Err(Refused(reason).into()),
            "{token}"
        );
    }
    assert!(verifier.claims(&tampered).await.is_err());
}

/// The public key of a JWKS must not serve as an HS256 secret, and the other way round.
#[tokio::test]
async fn an_algorithm_that_is_not_set_up_is_refused() {
    let jwks_only = Verifier::new(UserLogin {
        jwks_url: Some("http://127.0.0.1:9/jwks".into()),
        ..Default::default()
    });
    let refused = jwks_only.claims(&hs256(&good())).await;
    assert_eq!(
        refused,
        Err(Refused("tokens signed with HS256 are not accepted").into())
    );
}

#[test]
fn es256_signatures_are_checked() {
    let random = ring::rand::SystemRandom::new();
    let alg = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = signature::EcdsaKeyPair::generate_pkcs8(alg, &random).unwrap();
    let pair = signature::EcdsaKeyPair::from_pkcs8(alg, pkcs8.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let jwk = Jwk {
        kty: "EC".into(),
        crv: "P-256".into(),
        x: URL_SAFE_NO_PAD.encode(&point[1..33]),
        y: URL_SAFE_NO_PAD.encode(&point[33..]),
        ..Jwk::default()
    };
    let sign = pair.sign(&random, b"head.body").unwrap();
    let key = jwk.for_algorithm(Algorithm::ES256).unwrap();
    let check = |signed: &[u8]| verify(Algorithm::ES256, &key, signed, sign.as_ref().to_vec());
    assert_eq!(check(b"head.body"), Ok(()));
    assert_eq!(check(b"head.Body"), Err(WRONG_SIGNATURE));
    assert!(jwk.for_algorithm(Algorithm::RS256).is_err());
}
