//! Who is asking, and what they may do.
//!
//! | | user | admin | key: token | key: agent | key: history | key: admin |
//! |---|---|---|---|---|---|---|
//! | POST token | for themselves | ✓ | for a named user | | | ✓ |
//! | POST agent | rooms of own calls | ✓ | | ✓ | | ✓ |
//! | GET agent, DELETE agent | | ✓ | | ✓ | | ✓ |
//! | GET history | own calls | ✓ | | | ✓ | ✓ |
//! | GET users' export | | ✓ | | | ✓ | ✓ |
//! | DELETE history, DELETE users | | ✓ | | | | ✓ |
//! | GET metrics (key: metrics, too) | | ✓ | | | | ✓ |
//!
//! Anonymous callers are admins of a demo bound to loopback, when they are on that very machine
//! ([`super::machine`]), and nobody anywhere else. Webhooks
//! are signed by LiveKit; health, status and documents are open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::cookie;
use super::error::Problem;
use super::jwt::{Unchecked, Verifier};
use super::limits::Rate;
use sidetone_base::{plain, text_enum};
use sidetone_config::env::{Env, UserLogin};
use sidetone_config::secret::Secret;
use sidetone_store::sessions::SessionRow;

/// Longest id and name of a user, characters.
const MAX_ID: usize = 128;
/// API keys below so many characters are warned of.
const MIN_KEY: usize = 24;

text_enum! {
    /// What an API key may be used for.
    Scope {
        /// Tokens for named users.
        Token = "token",
        /// Agents: spawn, list, end.
        Agent = "agent",
        /// Everybody's calls.
        History = "history",
        /// What processes measure of themselves.
        Metrics = "metrics",
        /// All of it, and deletion.
        Admin = "admin",
    }
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Get a token.
    Token,
    /// Spawn an agent.
    SpawnAgent,
    /// List and end agents.
    ManageAgents,
    /// See own calls.
    History,
    /// See everybody's calls.
    AllHistory,
    /// Delete personal data.
    Delete,
    /// See workers and sessions, drain those and end these.
    Operate,
    /// Scrape `/metrics`.
    Measure,
}

/// Everybody who needs no credentials.
const GUEST: &str = "guest";

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A user of the product.
    User {
        /// Their id.
        id: String,
        /// The name shown to others.
        name: Option<String>,
        /// May do everything.
        admin: bool,
    },
    /// A backend.
    Key {
        /// The key's name.
        name: String,
        /// What it may do.
        scopes: Vec<Scope>,
    },
}

impl Principal {
    /// Whether they may.
    pub fn may(&self, right: Right) -> bool {
        match self {
            Self::User { admin: true, .. } => true,
            Self::User { .. } => {
                matches!(right, Right::Token | Right::SpawnAgent | Right::History)
            }
            Self::Key { scopes, .. } => {
                let needed = match right {
                    Right::Token => Scope::Token,
                    Right::SpawnAgent | Right::ManageAgents => Scope::Agent,
                    Right::History | Right::AllHistory => Scope::History,
                    Right::Delete | Right::Operate => Scope::Admin,
                    Right::Measure => Scope::Metrics,
                };
                scopes.contains(&needed) || scopes.contains(&Scope::Admin)
            }
        }
    }

    /// 403 unless they may.
    ///
    /// # Errors
    /// Says what is needed.
    pub fn need(&self, right: Right) -> Result<(), Problem> {
        if self.may(right) {
            return Ok(());
        }
        Err(Problem::forbidden(match self {
            Self::User { .. } => "Only admins may do this.",
            Self::Key { .. } => "This API key does not have the scope for this.",
        }))
    }

    /// The user's id; none for a backend.
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Self::User { id, .. } => Some(id),
            Self::Key { .. } => None,
        }
    }

    /// A user of the product who is no admin: they steer no agent but as its file says.
    pub fn is_end_user(&self) -> bool {
        matches!(self, Self::User { admin: false, .. })
    }

    /// Sees and does what belongs to others.
    pub fn sees_all(&self) -> bool {
        self.may(Right::AllHistory)
    }

    /// One of those whom nobody can tell apart, but by their addresses.
    pub fn is_guest(&self) -> bool {
        matches!(self, Self::User { id, .. } if id == GUEST)
    }

    /// A name for rate limits.
    pub fn bucket(&self) -> String {
        match self {
            Self::User { id, .. } => format!("user:{id}"),
            Self::Key { name, .. } => format!("key:{name}"),
        }
    }
}

/// A backend's key: only its SHA-256 is known here.
#[derive(Debug)]
struct ApiKey {
    name: String,
    scopes: Vec<Scope>,
    sha256: [u8; 32],
    /// The log was told that it is short.
    told_short: AtomicBool,
    rate: Rate,
}

/// Requests of a key in a minute, where its entry does not say: it speaks for many users, who have limits
/// of their own.
const KEY_REQUESTS: u32 = 6_000;

/// Why SIDETONE_API_KEYS cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "SIDETONE_API_KEYS: \"{name}\" {reason}; each entry is name:scope+scope:sha256 of the key in hex, optionally followed by :requests a minute"
)]
pub struct BadApiKey {
    name: String,
    reason: String,
}

/// The API keys as they were at the last look.
#[derive(Debug)]
struct ReadKeys {
    /// What was written.
    listed: Arc<str>,
    /// What that says.
    keys: Arc<Vec<Arc<ApiKey>>>,
}

/// Checks credentials.
#[derive(Debug)]
pub struct Auth {
    /// As it is written.
    listed: Option<Secret>,
    keys: Mutex<ReadKeys>,
    login: UserLogin,
    tokens: Verifier,
    /// Nobody needs credentials: a demo on loopback.
    open: bool,
    /// Where this server is said to listen.
    port: u16,
}

impl Auth {
    /// As the environment says. A demo is open only when it is bound to loopback.
    ///
    /// # Errors
    /// An API key's entry cannot be read.
    pub fn new(env: &Env) -> Result<Self, BadApiKey> {
        let listed = env
            .api_keys
            .as_ref()
            .map(Secret::expose)
            .unwrap_or_default();
        let keys = parse_keys(&listed)?;
        Ok(Self {
            listed: env.api_keys.clone(),
            keys: Mutex::new(ReadKeys {
                listed,
                keys: Arc::new(keys),
            }),
            login: env.user_login.clone(),
            tokens: Verifier::new(env.user_login.clone()),
            open: env.demo && env.bind.ip().is_loopback(),
            port: env.bind.port(),
        })
    }

    /// The keys of now: they may be changed while we run.
    fn keys(&self) -> Arc<Vec<Arc<ApiKey>>> {
        let mut read = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = self.listed.as_ref().map(Secret::expose).unwrap_or_default();
        if listed != read.listed {
            match parse_keys(&listed) {
                Ok(now) => read.keys = Arc::new(now),
                Err(error) => tracing::error!("the API keys stay as they were: {error}"),
            }
            read.listed = listed;
        }
        Arc::clone(&read.keys)
    }

    /// How many API keys there are.
    pub fn key_count(&self) -> usize {
        self.keys().len()
    }

    /// The port that this server is known by.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Tells one key of a name from another; none: no key has that name.
    pub(super) fn fingerprint(&self, name: &str) -> Option<String> {
        let keys = self.keys();
        let key = keys.iter().find(|key| key.name == name)?;
        Some(
            key.sha256
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    /// Who is asking: by key, token, or the `session` of the request's cookie. Where nobody needs
    /// credentials, `guest` says whether this request comes from this very machine.
    ///
    /// # Errors
    /// 401: no credentials, or wrong ones. 403: a session's cookie alone is to change something. And what
    /// `guest` finds wrong.
    pub async fn principal(
        &self,
        method: &Method,
        headers: &HeaderMap,
        guest: impl FnOnce() -> Result<bool, Problem>,
        session: Option<SessionRow>,
    ) -> Result<Principal, Problem> {
        let presented = Presented::of(headers);
        if presented == Presented::Nothing
            && let Some(principal) = session.and_then(|session| self.signed_in(session))
        {
            if !method.is_safe() {
                cookie::need_header(headers)?;
            }
            return Ok(principal);
        }
        match presented {
            Presented::Token(token) => self.user(token).await,
            Presented::Key(key) => self.key(key),
            Presented::Twice => Err(Problem::unauthorized(
                "Send Authorization and X-Api-Key once each: it is not clear which one counts.",
            )),
            Presented::Nothing if self.open && guest()? => Ok(Principal::User {
                id: GUEST.into(),
                name: Some("Guest".into()),
                admin: true,
            }),
            Presented::Nothing => Err(Problem::unauthorized(
                "Send the user's token or an API key as \"Authorization: Bearer …\".",
            )),
        }
    }

    /// The name of the key that a request presents, and how often it may; none for a key that is not known,
    /// and for no key.
    pub(super) fn limits_of_key(&self, headers: &HeaderMap) -> Option<(String, Rate)> {
        let Presented::Key(presented) = Presented::of(headers) else {
            return None;
        };
        let key = self.known_key(presented)?;
        Some((key.name.clone(), key.rate))
    }

    /// Who a session stands for. That of an API key ends with the key: its scopes are those of now.
    fn signed_in(&self, session: SessionRow) -> Option<Principal> {
        let SessionRow {
            holder, name, key, ..
        } = session;
        if key.is_none() {
            return Some(Principal::User {
                id: holder,
                name,
                admin: true,
            });
        }
        let same = self.fingerprint(&holder) == key;
        let keys = self.keys();
        let known = keys.iter().find(|known| same && known.name == holder)?;
        Some(Principal::Key {
            scopes: known.scopes.clone(),
            name: holder,
        })
    }

    fn known_key(&self, presented: &str) -> Option<Arc<ApiKey>> {
        let hash: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        // Every key is compared, in constant time, so that timing tells nothing.
        let (keys, mut found) = (self.keys(), None);
        for key in keys.iter() {
            if bool::from(key.sha256.ct_eq(&hash)) {
                found = Some(Arc::clone(key));
            }
        }
        found
    }

    fn key(&self, presented: &str) -> Result<Principal, Problem> {
        let key = self
            .known_key(presented)
            .ok_or_else(|| Problem::unauthorized("This API key is not known."))?;
        if presented.len() < MIN_KEY && !key.told_short.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                key = key.name,
                "an API key of less than {MIN_KEY} characters can be guessed; replace it by one that \
                 `openssl rand -hex 32` prints"
            );
        }
        Ok(Principal::Key {
            name: key.name.clone(),
            scopes: key.scopes.clone(),
        })
    }

    async fn user(&self, token: &str) -> Result<Principal, Problem> {
        let claims = self
            .tokens
            .claims(token)
            .await
            .map_err(|why| match why {
                Unchecked::Refused(why) => Problem::unauthorized(why.to_string()),
                Unchecked::LoginAway => Problem {
                    retry_after: Some(5),
                    ..Problem::new(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "Login not reachable",
                        "The login's keys could not be fetched, so your token cannot be checked. Try again in a \
                         few seconds.",
                    )
                },
            })?;
        let login = &self.login;
        let text = |name: &str| {
            claims
                .get(name)
                .and_then(Value::as_str)
                .filter(|s| !s.is_empty())
        };
        let id = match claims.get(&login.id_claim) {
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => text(&login.id_claim).map(str::to_owned),
        };
        let refused = |why: &str| {
            let claim = &login.id_claim;
            Problem::unauthorized(format!("The token's claim \"{claim}\" {why}."))
        };
        let id = id.ok_or_else(|| refused("holds no user id"))?;
        if id.chars().count() > MAX_ID {
            return Err(refused(&format!(
                "holds a user id of more than {MAX_ID} characters"
            )));
        }
        if id.trim().is_empty() || plain::unfit(&id).is_some() {
            return Err(refused(
                "holds a user id with control or invisible characters",
            ));
        }
        let admin = match claims.get(&login.admin_claim) {
            Some(Value::Bool(admin)) => *admin,
            Some(Value::String(one)) => *one == login.admin_value,
            Some(Value::Array(many)) => many
                .iter()
                .any(|value| value.as_str() == Some(&login.admin_value)),
            _ => false,
        };
        Ok(Principal::User {
            id,
            name: text(&login.name_claim)
                .map(|name| plain::fitting(name, MAX_ID))
                .filter(|name| !name.is_empty()),
            admin,
        })
    }
}

/// What anybody would try first.
const GUESSED: [&str; 12] = [
    "", "a", "test", "key", "apikey", "api-key", "secret", "password", "changeme", "admin",
    "sidetone", "1234",
];

fn parse_keys(listed: &str) -> Result<Vec<Arc<ApiKey>>, BadApiKey> {
    let mut keys: Vec<Arc<ApiKey>> = Vec::new();
    let entries = listed.split([',', '\n', '\r']).map(str::trim);
    for entry in entries.filter(|entry| !entry.is_empty()) {
        let key = parse_key(entry)?;
        let bad = |reason: &str| BadApiKey {
            name: key.name.clone(),
            reason: reason.into(),
        };
        if keys.iter().any(|known| known.name == key.name) {
            return Err(bad(
                "has the same name as another; give each key a name of its own",
            ));
        }
        let is_guessed =
            |text: &&str| <[u8; 32]>::from(Sha256::digest(text.as_bytes())) == key.sha256;
        if GUESSED.iter().any(is_guessed) {
            return Err(bad(
                "has the hash of a key that is easy to guess; make one with `openssl rand -hex 32`",
            ));
        }
        keys.push(Arc::new(key));
    }
    Ok(keys)
}

/// What a request shows of who sends it, beside a session's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presented<'a> {
    /// A user's token.
    Token(&'a str),
    /// A backend's key.
    Key(&'a str),
    /// A header of credentials twice: a proxy before us may have looked at the other one.
    Twice,
    /// Neither.
    Nothing,
}

impl<'a> Presented<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        const KEY: &str = "x-api-key";
        let is_twice = |name: &str| headers.get_all(name).iter().nth(1).is_some();
        if is_twice(header::AUTHORIZATION.as_str()) || is_twice(KEY) {
            return Self::Twice;
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION.as_str()).map(bearer);
        match (text(KEY), bearer) {
            (Some(key), _) => Self::Key(key),
            (None, Some(token)) if token.split('.').count() == 3 => Self::Token(token),
            (None, Some(key)) => Self::Key(key),
            (None, None) => Self::Nothing,
        }
    }
}

/// The credential in an `Authorization` header. Its scheme may be left out, and be written in any case (RFC 9110
/// §11.1).
pub(super) fn bearer(authorization: &str) -> &str {
    const SCHEME: &str = "bearer ";
    let credential = authorization
        .split_at_checked(SCHEME.len())
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
        .map_or(authorization, |(_, credential)| credential);
    credential.trim()
}

fn parse_key(entry: &str) -> Result<ApiKey, BadApiKey> {
    let mut parts = entry.split(':');
    let name = parts.next().unwrap_or_default().to_owned();
    let bad = |reason: String| BadApiKey {
        name: name.clone(),
        reason,
    };
    let (Some(scopes), Some(hash), requests, None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("must have three or four parts".into()));
    };
    let requests = requests.map_or(Ok(KEY_REQUESTS), |text| match text.parse() {
        Ok(requests) if requests > 0 => Ok(requests),
        _ => Err(bad(format!(
            "may send \"{text}\" requests a minute; write a number of at least 1"
        ))),
    })?;
    let scopes = scopes
        .split('+')
        .map(|scope| {
            scope
                .parse()
                .map_err(|error| bad(format!("has a scope that {error}")))
        })
        .collect::<Result<_, _>>()?;
    let sha256 = from_hex(hash).ok_or_else(|| bad("has no SHA-256 of 64 hex digits".into()))?;
    Ok(ApiKey {
        name: name.clone(),
        scopes,
        sha256,
        told_short: AtomicBool::new(false),
        rate: Rate::a_minute(requests),
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The entry for SIDETONE_API_KEYS of a key: what is stored is its hash.
pub fn api_key_entry(name: &str, scopes: &[Scope], key: &str) -> String {
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    let hash: String = Sha256::digest(key.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{name}:{}:{hash}", scopes.join("+"))
}

#[cfg(test)]
mod tests;
