//! JSON Web Tokens of the product's own login, checked: HS256 with a shared secret, RS256 and
//! ES256 with keys of a JWKS document (RFC 7515, 7517, 7518, 7519).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc;
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, decode_header};
use reqwest::Url;
use reqwest::redirect::{Action, Attempt, Policy};
use serde::Deserialize;
use serde_json::Value;

use sidetone_base::clock;
use sidetone_config::env::UserLogin;

/// Tolerated difference of clocks.
const LEEWAY: u64 = 60;
/// How long keys are used before they are fetched again.
const KEYS_FRESH: Duration = Duration::from_secs(600);
/// How long they are used while that fetch is under way.
const KEYS_OLD: Duration = Duration::from_secs(3_600);
/// A key id that is not known fetches the document again at once (keys rotate), but not more often
/// than this.
const KEYS_RETRY: Duration = Duration::from_secs(30);
/// After a fetch that failed, or that nobody waited for to its end.
const KEYS_RETRY_FAILED: Duration = Duration::from_secs(2);
/// Redirects on the way to the keys.
const MAX_REDIRECTS: usize = 3;
/// Largest document of keys: a key takes one or two KiB.
const KEYS_LIMIT: usize = 1024 * 1024;
const FETCH_DEADLINE: Duration = Duration::from_secs(5);

/// Why a token is not taken; safe to tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// Why a token's claims are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unchecked {
    /// It is not taken.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Whether it is good cannot be found out.
    #[error("the login's keys could not be fetched, so the token cannot be checked")]
    LoginAway,
}

/// Checks tokens; cheap to clone.
#[derive(Clone, Debug)]
pub struct Verifier {
    login: UserLogin,
    http: Result<reqwest::Client, String>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Never held over a fetch.
    keys: Mutex<Keys>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Keys {
    by_id: HashMap<String, Jwk>,
    /// When they last came.
    fetched_at: Option<Instant>,
    /// When a key id that was not known last caused a fetch that succeeded.
    missed_at: Option<Instant>,
    /// When the last fetch began, unless it has succeeded.
    begun_at: Option<Instant>,
    /// The last fetch failed.
    has_failed: bool,
}

impl Keys {
    fn is_stale(&self, now: Instant) -> bool {
        is_older(self.fetched_at, KEYS_FRESH, now)
    }

    /// Keys that have been withdrawn since are not to be used.
    fn is_old(&self, now: Instant) -> bool {
        is_older(self.fetched_at, KEYS_OLD, now)
    }

    /// Whether the document is fetched now, and why; noted before the outcome is known, for whoever asked may go.
    fn begin_fetch(&mut self, missing: Option<&str>, now: Instant) -> Option<Cause> {
        let is_missed = missing.is_some_and(|kid| {
            !self.by_id.contains_key(kid) && is_older(self.missed_at, KEYS_RETRY, now)
        });
        let cause = match (self.is_stale(now), is_missed) {
            (true, _) => Cause::Stale,
            (false, true) => Cause::Missed,
            (false, false) => return None,
        };
        let is_due = is_older(self.begun_at, KEYS_RETRY_FAILED, now);
        is_due.then(|| {
            self.begun_at = Some(now);
            cause
        })
    }

    fn fetched(&mut self, cause: Cause, outcome: Option<HashMap<String, Jwk>>) {
        self.has_failed = outcome.is_none();
        // Old keys are better than none while the login is away.
        let Some(by_id) = outcome else { return };
        self.by_id = by_id;
        self.fetched_at = self.begun_at.take();
        if cause == Cause::Missed {
            self.missed_at = self.fetched_at;
        }
    }
}

/// Why the document is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is old.
    Stale,
    /// A key is missing in it.
    Missed,
}

fn is_older(at: Option<Instant>, limit: Duration, now: Instant) -> bool {
    at.is_none_or(|at| now.saturating_duration_since(at) > limit)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kid: String,
    kty: String,
    r#use: String,
    crv: String,
    n: String,
    e: String,
    x: String,
    y: String,
}

#[derive(Deserialize)]
struct Jwks {
    /// One that cannot be read is no reason to do without the others.
    keys: Vec<Value>,
}

impl Verifier {
    /// Checks as `login` says. Without a secret and without a JWKS address every token is refused.
    pub fn new(login: UserLogin) -> Self {
        Self {
            login,
            // Keys that a redirect leads to in the clear would be anybody's.
            http: reqwest::Client::builder()
                .redirect(Policy::custom(within_https))
                .build()
                .map_err(|error| error.to_string()),
            shared: Arc::default(),
        }
    }

    /// The claims of a token that is signed, in date and meant for us.
    ///
    /// # Errors
    /// What is wrong with the token, or that this cannot be found out now.
    pub async fn claims(&self, token: &str) -> Result<Value, Unchecked> {
        let head = decode_header(token).map_err(|error| match error.kind() {
            ErrorKind::Json(error) if error.is_data() => OTHER_ALGORITHM,
            _ => NO_JWT,
        })?;
        let key = match head.alg {
            Algorithm::HS256 => {
                let secret = self.login.hs256_secret.as_ref();
                let secret = secret.ok_or(Refused("tokens signed with HS256 are not accepted"))?;
                DecodingKey::from_secret(secret.expose().as_bytes())
            }
            Algorithm::RS256 | Algorithm::ES256 => {
                let jwk = self.key(&head.kid.unwrap_or_default()).await?;
                jwk.for_algorithm(head.alg)?
            }
            _ => return Err(OTHER_ALGORITHM.into()),
        };
        let (signed, sign) = token.rsplit_once('.').ok_or(NO_JWT)?;
        let sign = URL_SAFE_NO_PAD.decode(sign).map_err(|_| NO_JWT)?;
        verify(head.alg, &key, signed.as_bytes(), sign)?;
        // The signature is checked already, dates and names are next: by our clock, in our words.
        let claims = insecure_decode(token).map_err(|_| NO_JWT)?.claims;
        self.check_dates_and_names(&claims)?;
        Ok(claims)
    }

    fn check_dates_and_names(&self, claims: &Value) -> Result<(), Refused> {
        let now = clock::wall()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let seconds = |name: &str| claims.get(name).and_then(Value::as_f64).map(|s| s as u64);
        match seconds("exp") {
            None => return Err(Refused("the token has no expiry (exp)")),
            Some(exp) if exp.saturating_add(LEEWAY) < now => {
                return Err(Refused("the token has expired"));
            }
            Some(_) => {}
        }
        let nbf = claims.get("nbf").filter(|nbf| !nbf.is_null());
        match (nbf, seconds("nbf")) {
            (Some(_), None) => return Err(Refused("the token's start (nbf) is no number")),
            (_, Some(nbf)) if nbf > now.saturating_add(LEEWAY) => {
                return Err(Refused("the token is not valid yet"));
            }
            _ => {}
        }
        if let Some(issuer) = &self.login.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(Refused("the token's issuer (iss) is not the expected one"));
        }
        if let Some(audience) = &self.login.audience {
            let meant = match claims.get("aud") {
                Some(Value::String(one)) => one == audience,
                Some(Value::Array(many)) => many.iter().any(|a| a.as_str() == Some(audience)),
                _ => false,
            };
            if !meant {
                return Err(Refused(
                    "the token's audience (aud) is not the expected one",
                ));
            }
        }
        Ok(())
    }

    /// A known key is there at once: while the login is slow, whoever shows an unknown one waits alone.
    async fn key(&self, kid: &str) -> Result<Jwk, Unchecked> {
        let url = self.login.jwks_url.as_ref();
        let url = url.ok_or(Refused(
            "tokens signed with RS256 or ES256 are not accepted",
        ))?;
        let unknown = Refused("the token's key (kid) is not known");
        let now = clock::now();
        let may_use = |keys: &Keys| !keys.is_old(now) || keys.has_failed;
        if let Some(key) = self.known(kid).filter(|_| may_use(&self.keys())) {
            if self.keys().is_stale(now) {
                let (this, url) = (self.clone(), url.clone());
                tokio::spawn(async move { this.renew(&url, None).await });
            }
            return Ok(key);
        }
        self.renew(url, Some(kid)).await;
        match self.known(kid) {
            Some(key) => Ok(key),
            None if self.keys().begun_at.is_some() => Err(Unchecked::LoginAway),
            None => Err(unknown.into()),
        }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        // A panic while the lock was held leaves nothing half done.
        self.shared
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, kid: &str) -> Option<Jwk> {
        self.keys().by_id.get(kid).cloned()
    }

    /// Fetches the keys, if they are stale or `missing` may be a new one of them.
    async fn renew(&self, url: &str, missing: Option<&str>) {
        // Held over the fetch: many requests with a new key cause one fetch.
        let Ok(_fetching) = (match missing {
            Some(_) => Ok(self.shared.fetching.lock().await),
            // Old keys are good while somebody fetches new ones.
            None => self.shared.fetching.try_lock(),
        }) else {
            return;
        };
        let Some(cause) = self.keys().begin_fetch(missing, clock::now()) else {
            return;
        };
        let fetched = self.fetch(url).await.inspect_err(|error| {
            // The rest of the address may hold a secret.
            let url = Url::parse(url).ok();
            let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
            tracing::warn!(%error, host, "the login's keys could not be fetched");
        });
        self.keys().fetched(cause, fetched.ok());
    }

    async fn fetch(&self, url: &str) -> anyhow::Result<HashMap<String, Jwk>> {
        let http = self.http.as_ref();
        let http = http.map_err(|error| anyhow::anyhow!("{error}"))?;
        let bare = reqwest::Error::without_url;
        let asked = http.get(url).timeout(FETCH_DEADLINE);
        let response = asked.send().await.map_err(bare)?;
        let mut response = response.error_for_status().map_err(bare)?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(bare)? {
            anyhow::ensure!(
                body.len() + piece.len() <= KEYS_LIMIT,
                "the document is larger than {KEYS_LIMIT} bytes"
            );
            body.extend_from_slice(&piece);
        }
        let jwks: Jwks = serde_json::from_slice(&body)?;
        Ok(jwks
            .keys
            .into_iter()
            .filter_map(Jwk::read)
            .filter(|key| key.r#use != "enc")
            .map(|key| (key.kid.clone(), key))
            .collect())
    }
}

/// Follows a redirect to the same origin, and to `https` elsewhere.
fn within_https(attempt: Attempt<'_>) -> Action {
    let from = attempt.previous().last();
    let is_same = from.is_some_and(|from| from.origin() == attempt.url().origin());
    match attempt.previous().len() {
        0..=MAX_REDIRECTS if is_same || attempt.url().scheme() == "https" => attempt.follow(),
        _ => attempt.stop(),
    }
}

impl Jwk {
    /// None: it is no key. A member that is null is as good as missing.
    fn read(mut written: Value) -> Option<Self> {
        let members = written.as_object_mut()?;
        members.retain(|_, value| !value.is_null());
        serde_json::from_value(written).ok()
    }

    fn for_algorithm(&self, algorithm: Algorithm) -> Result<DecodingKey, Refused> {
        let key = match (algorithm, self.kty.as_str(), self.crv.as_str()) {
            (Algorithm::RS256, "RSA", _) => DecodingKey::from_rsa_components(&self.n, &self.e),
            (Algorithm::ES256, "EC", "P-256") => DecodingKey::from_ec_components(&self.x, &self.y),
            _ => return Err(OTHER_KEY),
        };
        key.map_err(|_| NO_JWT)
    }
}

const NO_JWT: Refused = Refused("the token is not a JWT");
const OTHER_ALGORITHM: Refused = Refused("the token's algorithm must be HS256, RS256 or ES256");
const OTHER_KEY: Refused = Refused("the token's key does not fit its algorithm");
const WRONG_SIGNATURE: Refused = Refused("the token's signature is wrong");

/// Names its provider: jsonwebtoken's own functions ask the process's, and livekit-token installs one
/// that knows HMAC only.
fn verify(
    algorithm: Algorithm,
    key: &DecodingKey,
    signed: &[u8],
    sign: Vec<u8>,
) -> Result<(), Refused> {
    let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&algorithm, key);
    let verifier = verifier.map_err(|_| OTHER_KEY)?;
    let checked = verifier.verify(signed, &sign);
    checked.map_err(|_| WRONG_SIGNATURE)
}

#[cfg(test)]
mod tests;
