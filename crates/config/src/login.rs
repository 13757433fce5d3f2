//! How users' own tokens (JWTs from the product's login) are verified.

use reqwest::Url;

use super::address::{self, Reach};
use super::secret::{self, MIN_BYTES, Secret};
use super::variable::{BadVariable, Variables};

/// How users' own tokens (JWTs from the product's login) are verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserLogin {
    /// The HS256 secret shared with the product.
    pub hs256_secret: Option<Secret>,
    /// The address of the JWKS document for RS256 and ES256.
    pub jwks_url: Option<String>,
    /// If set, the `iss` claim that tokens must have.
    pub issuer: Option<String>,
    /// If set, the `aud` claim that tokens must have.
    pub audience: Option<String>,
    /// The claim that holds the user's id.
    pub id_claim: String,
    /// The claim that holds the display name.
    pub name_claim: String,
    /// The claim that makes an admin: `true`, or a list or string that contains `admin_value`.
    pub admin_claim: String,
    /// See `admin_claim`.
    pub admin_value: String,
}

impl UserLogin {
    /// A warning for the operator about a login that accepts more tokens than it should. `None` if all is well.
    pub fn too_trusting(&self) -> Option<String> {
        self.jwks_url.as_ref()?;
        let missing = match (&self.issuer, &self.audience) {
            (Some(_), Some(_)) => return None,
            (None, Some(_)) => "SIDETONE_JWT_ISSUER",
            (Some(_), None) => "SIDETONE_JWT_AUDIENCE",
            (None, None) => "SIDETONE_JWT_ISSUER and SIDETONE_JWT_AUDIENCE",
        };
        Some(format!(
            "SIDETONE_JWKS_URL is set without {missing}: tokens that this login signs for other applications are accepted, too; set {missing} to what your tokens carry as iss and aud"
        ))
    }
}

/// Rejects a guessable secret, or a login that signs for anybody: both would protect nothing.
pub(super) fn read(var: &Variables<'_>) -> Result<UserLogin, BadVariable> {
    let named = |name: &str, default: &str| var.text(name).unwrap_or_else(|| default.to_owned());
    let login = UserLogin {
        hs256_secret: var.secret("SIDETONE_JWT_SECRET", strong)?,
        jwks_url: var.text("SIDETONE_JWKS_URL"),
        issuer: var.text("SIDETONE_JWT_ISSUER"),
        audience: var.text("SIDETONE_JWT_AUDIENCE"),
        id_claim: named("SIDETONE_JWT_ID_CLAIM", "sub"),
        name_claim: named("SIDETONE_JWT_NAME_CLAIM", "name"),
        admin_claim: named("SIDETONE_JWT_ADMIN_CLAIM", "role"),
        admin_value: named("SIDETONE_JWT_ADMIN_VALUE", "admin"),
    };
    if let Some(url) = &login.jwks_url {
        check_jwks(url, &login).map_err(|fix| BadVariable {
            name: "SIDETONE_JWKS_URL",
            value: url.clone(),
            fix,
        })?;
    }
    Ok(login)
}

fn strong(secret: &str) -> Result<(), String> {
    secret::check_strength(secret, MIN_BYTES)
}

/// Checks the JWKS address: whoever can change the document in transit can sign in as anybody. A login on this machine
/// is for development: its shortcomings are reported, but accepted.
fn check_jwks(url: &str, login: &UserLogin) -> Result<(), String> {
    let reach = Url::parse(url).ok().and_then(|url| address::reach_of(&url));
    let is_http = url.starts_with("http://");
    match reach {
        None => return Err("write the document's address, https://…".into()),
        Some(Reach::Public) if is_http => {
            return Err(
                "whoever changes it in transit can sign in as anybody: it must start with https:// (http:// on \
                 loopback or a private network)"
                    .into(),
            );
        }
        Some(_) if !is_http && !url.starts_with("https://") => {
            return Err("it must start with https://".into());
        }
        Some(Reach::Machine) => return Ok(()),
        Some(_) => {}
    }
    if login.issuer.is_none() && login.audience.is_none() {
        return Err(
            "tokens that this login signs for other applications would be accepted, too: set SIDETONE_JWT_ISSUER \
             and SIDETONE_JWT_AUDIENCE to what your tokens carry as iss and aud"
                .into(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
