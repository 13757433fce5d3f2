//! TLS for the whole process: one crypto provider, and the system's root certificates.
//!
//! Every linked client (LiveKit's, reqwest, sqlx, object_store) takes its roots from `rustls-native-certs`: the
//! system's store, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name.

/// Why no server could be verified; the text says what to set.
#[derive(Debug, thiserror::Error)]
#[error(
    "no certificate roots found in {place}, so no https:// or wss:// server can be verified{causes}; \
     install the system's CA certificates (Debian: ca-certificates), or set SSL_CERT_FILE to a PEM \
     file that holds them"
)]
pub struct NoRoots {
    place: String,
    causes: String,
}

/// Installs the crypto provider and makes sure that there are root certificates.
///
/// Two providers are linked (reqwest's and LiveKit's), and rustls panics at the first `wss://` connection when it has
/// to choose one. So this runs first in `main`, and first in a test that uses TLS; a provider that is already installed
/// stays.
///
/// # Errors
/// If there are no roots: HTTP clients cannot be built without them.
pub fn prepare() -> Result<(), NoRoots> {
    // An error means that one is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let found = rustls_native_certs::load_native_certs();
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)))
        .collect();
    let place = if named.is_empty() {
        "the system's store".to_owned()
    } else {
        named.join(" and ")
    };
    let causes: Vec<String> = found
        .errors
        .iter()
        .map(|error| format!(": {error}"))
        .collect();
    Err(NoRoots {
        place,
        causes: causes.concat(),
    })
}
