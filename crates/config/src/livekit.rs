//! LiveKit's address, and the keys by which it and we authenticate each other.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::address::{self, Reach};
use super::secret::{self, Judge, MIN_BYTES, Secret};
use super::variable::{BadVariable, Variables};

/// LiveKit's address and API keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKit {
    /// `wss://…`, or `ws://` on loopback or a private network; no trailing slash.
    pub host: String,
    /// The address for browsers and apps, if it differs: `host` may be a name that only a cluster knows.
    pub public: Option<String>,
    /// The first key signs; any key verifies what others signed.
    pub keys: ApiKeys,
}

/// A LiveKit API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The `iss` claim of what it signs.
    pub id: String,
    /// The HS256 key.
    pub secret: Secret,
}

/// One key, or several during a rotation. If they are in files, those are read again; cheap to clone.
#[derive(Clone)]
pub struct ApiKeys(Arc<Inner>);

struct Inner {
    ids: Secret,
    secrets: Secret,
    /// The last keys with equal numbers of ids and secrets.
    good: Mutex<Vec<ApiKey>>,
}

impl LiveKit {
    /// With one key that never changes.
    pub fn new(host: impl Into<String>, id: impl Into<String>, secret: impl Into<String>) -> Self {
        let key = ApiKey {
            id: id.into(),
            secret: Secret::new(secret),
        };
        let (ids, secrets) = (Secret::new(key.id.clone()), key.secret.clone());
        Self {
            host: host.into(),
            public: None,
            keys: ApiKeys(Arc::new(Inner {
                ids,
                secrets,
                good: Mutex::new(vec![key]),
            })),
        }
    }

    /// Reads `LIVEKIT_HOST`, `LIVEKIT_PUBLIC_URL`, `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET`, of which the last two
    /// may hold a list.
    ///
    /// # Errors
    /// A guessable secret, unless only this machine could use it; ids and secrets that do not pair up; a public
    /// address that no browser should use. The inner error names what is missing; the control plane starts
    /// nevertheless.
    pub(super) fn read(
        var: &Variables<'_>,
        is_demo: bool,
    ) -> Result<Result<Self, NotConfigured>, BadVariable> {
        let host = var.text("LIVEKIT_HOST").or_else(|| var.text("LIVEKIT_URL"));
        let ids = var.secret("LIVEKIT_API_KEY", secret::any)?;
        // On this machine, development servers have well-known keys.
        let is_here = host.as_deref().and_then(address::reach_of_ws) == Some(Reach::Machine);
        let is_used = ids.is_some() && host.as_deref().is_some_and(is_livekit_host);
        let names_one = ids
            .as_ref()
            .is_none_or(|ids| list(&ids.expose()).count() < 2);
        let judge: Judge = if is_here || is_demo || !is_used {
            secret::any
        } else if names_one {
            strong_one
        } else {
            strong_each
        };
        let secrets = var.secret("LIVEKIT_API_SECRET", judge)?;
        let (host, ids, secrets) = match (host, ids, secrets) {
            (Some(host), Some(ids), Some(secrets)) => (host, ids, secrets),
            (host, ids, secrets) => {
                let missing = [
                    (host.is_none(), "LIVEKIT_HOST"),
                    (ids.is_none(), "LIVEKIT_API_KEY"),
                    (secrets.is_none(), "LIVEKIT_API_SECRET"),
                ];
                let missing = missing
                    .into_iter()
                    .filter_map(|(is, name)| is.then_some(name));
                return Ok(Err(NotConfigured::Missing(missing.collect())));
            }
        };
        if !is_livekit_host(&host) {
            return Ok(Err(NotConfigured::Host(host)));
        }
        let public = var.text("LIVEKIT_PUBLIC_URL");
        if let Some(public) = public.as_ref().filter(|public| !is_livekit_host(public)) {
            return Err(BadVariable {
                name: "LIVEKIT_PUBLIC_URL",
                value: public.clone(),
                fix: "write where browsers reach LiveKit, such as wss://livekit.example.com (ws:// on \
                      loopback and private networks only), or unset it when LIVEKIT_HOST is that"
                    .into(),
            });
        }
        let good = pairs(&ids.expose(), &secrets.expose()).map_err(|fix| BadVariable {
            name: "LIVEKIT_API_KEY",
            value: ids.expose().to_string(),
            fix,
        })?;
        Ok(Ok(Self {
            host: host.trim_end_matches('/').to_owned(),
            public: public.map(|url| url.trim_end_matches('/').to_owned()),
            keys: ApiKeys(Arc::new(Inner {
                ids,
                secrets,
                good: Mutex::new(good),
            })),
        }))
    }

    /// The address to give to callers.
    pub fn for_callers(&self) -> &str {
        self.public.as_deref().unwrap_or(&self.host)
    }

    /// A warning for the operator if tokens and media keys reach the address unencrypted. `None` for `wss://` and for
    /// this machine.
    pub fn in_the_clear(&self) -> Option<String> {
        (address::reach_of_ws(&self.host) == Some(Reach::Private)).then(|| {
            format!(
                "LIVEKIT_HOST is \"{}\": tokens and media keys cross that network unencrypted; use \
                 wss:// unless you trust everything on it",
                self.host
            )
        })
    }

    /// A warning for the operator about a guessable secret; such secrets are accepted on this machine and in demos.
    pub fn weak_secret(&self) -> Option<String> {
        let keys = self.keys.all();
        let mut weak = keys
            .iter()
            .filter_map(|key| secret::check_strength(&key.secret.expose(), MIN_BYTES).err());
        let why = weak.next()?;
        Some(format!(
            "LIVEKIT_API_SECRET is for development only: {why}, and set it in livekit-server, too"
        ))
    }
}

impl ApiKeys {
    /// All current keys, at least one. While ids and secrets in files do not pair up, the last that did.
    pub fn all(&self) -> Vec<ApiKey> {
        let Inner { ids, secrets, good } = &*self.0;
        let mut good = good.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(now) = pairs(&ids.expose(), &secrets.expose()) {
            *good = now;
        }
        good.clone()
    }

    /// The key that signs.
    pub fn first(&self) -> ApiKey {
        self.all().swap_remove(0)
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

impl PartialEq for ApiKeys {
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all()
    }
}

impl Eq for ApiKeys {}

/// The parts of a list, separated by commas or line breaks.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split([',', '\n', '\r']).map(str::trim);
    parts.filter(|part| !part.is_empty())
}

fn strong_one(secret: &str) -> Result<(), String> {
    // A second secret may be added to its file later, on a line of its own.
    let mut lines = secret
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines.try_for_each(|one| secret::check_strength(one, MIN_BYTES))
}

fn strong_each(secrets: &str) -> Result<(), String> {
    list(secrets).try_for_each(|one| secret::check_strength(one, MIN_BYTES))
}

fn pairs(ids: &str, secrets: &str) -> Result<Vec<ApiKey>, String> {
    let ids: Vec<_> = list(ids).collect();
    let secrets: Vec<_> = match &ids[..] {
        // The secret of a single key may contain commas.
        [_] if !secrets.trim().contains('\n') => vec![secrets.trim()],
        _ => list(secrets).collect(),
    };
    if ids.is_empty() || ids.len() != secrets.len() {
        return Err(format!(
            "it names {} keys and LIVEKIT_API_SECRET {}; write as many, in the same order, with commas \
             between them",
            ids.len(),
            secrets.len()
        ));
    }
    let pair = |(id, secret): (&str, &str)| ApiKey {
        id: id.to_owned(),
        secret: Secret::new(secret),
    };
    Ok(ids.into_iter().zip(secrets).map(pair).collect())
}

/// `wss://host…`, or `ws://` to this machine or a private network: tokens never cross a public network unencrypted.
fn is_livekit_host(host: &str) -> bool {
    match host.strip_prefix("wss://") {
        Some(rest) => !rest.is_empty(),
        None => matches!(
            address::reach_of_ws(host),
            Some(Reach::Machine | Reach::Private)
        ),
    }
}

/// Why no call can be placed; the text tells the operator what to set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotConfigured {
    /// Variables that are not set.
    #[error("Voice service not configured: set {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// LIVEKIT_HOST has another scheme, or none.
    #[error(
        "Voice service not configured: LIVEKIT_HOST is \"{0}\", it must start with wss:// (or ws:// on loopback or a private network, such as ws://127.0.0.1:7880 or ws://livekit:7880)"
    )]
    Host(String),
}

impl NotConfigured {
    /// The variables to fix.
    pub fn variables(&self) -> Vec<&'static str> {
        match self {
            Self::Missing(names) => names.clone(),
            Self::Host(_) => vec!["LIVEKIT_HOST"],
        }
    }
}

#[cfg(test)]
mod tests;
