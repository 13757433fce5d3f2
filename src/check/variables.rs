//! Variables that nothing reads: a typing mistake that would otherwise go unnoticed.

use super::Item;
use sidetone_config::variable::SECRET_FILES;

/// The rest of the name is the author's choice: agents' files refer to it.
const SECRET: &str = "SIDETONE_SECRET_";

/// Every variable of Sidetone; docs/configure.md explains them.
pub const KNOWN: [&str; 50] = [
    "LIVEKIT_HOST",
    "LIVEKIT_URL",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "LIVEKIT_PUBLIC_URL",
    "LIVEKIT_RECORDING_BUCKET",
    "LIVEKIT_RECORDING_ENDPOINT",
    "LIVEKIT_RECORDING_MODE",
    "LIVEKIT_RECORDING_PATH_STYLE",
    "LIVEKIT_RECORDING_REGION",
    "LIVEKIT_SERVER_BIN",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "SIDETONE_AGENT_NAME",
    "SIDETONE_API_KEY",
    "SIDETONE_API_KEYS",
    "SIDETONE_BIND",
    "SIDETONE_CALL_WEBHOOK_EVENTS",
    "SIDETONE_CALL_WEBHOOK_SECRET",
    "SIDETONE_AGENTS",
    "SIDETONE_CALL_WEBHOOK_URL",
    "SIDETONE_CORS_ORIGINS",
    "SIDETONE_DATA_DIR",
    "SIDETONE_DEMO",
    "SIDETONE_DRAIN_SECONDS",
    "SIDETONE_HEALTH_ADDRESS",
    "SIDETONE_JWKS_URL",
    "SIDETONE_JWT_ADMIN_CLAIM",
    "SIDETONE_JWT_ADMIN_VALUE",
    "SIDETONE_JWT_AUDIENCE",
    "SIDETONE_JWT_ID_CLAIM",
    "SIDETONE_JWT_ISSUER",
    "SIDETONE_JWT_NAME_CLAIM",
    "SIDETONE_JWT_SECRET",
    "SIDETONE_LLM_MODEL",
    "SIDETONE_LOG",
    "SIDETONE_LOG_FORMAT",
    "SIDETONE_END_OF_TURN",
    "SIDETONE_MAX_CALLS",
    "SIDETONE_PRICES",
    "SIDETONE_PUBLIC_URL",
    "SIDETONE_RECORDING_SPOOL_LIMIT",
    "SIDETONE_RETENTION_DAYS",
    "SIDETONE_STT_MODEL",
    "SIDETONE_TRUSTED_PROXIES",
    "SIDETONE_TTS_MODEL",
    "SIDETONE_UNKNOWN_AGENT",
    "SIDETONE_USER_CALLS",
    "SIDETONE_USER_REQUESTS",
    "SIDETONE_USER_TOKENS",
];

/// Checks the names in the environment, never the values.
pub fn variables(names: impl Iterator<Item = String>) -> Item {
    let ours = |name: &String| name.starts_with("SIDETONE_") || name.starts_with("LIVEKIT_");
    let mut strange: Vec<String> = names
        .filter(ours)
        .filter(|name| !KNOWN.contains(&name.as_str()) && !name.starts_with(SECRET))
        .filter(|name| !SECRET_FILES.iter().any(|(_, file)| file == name))
        .collect();
    strange.sort();
    if strange.is_empty() {
        Item::ok(
            "variables",
            "every SIDETONE_ and LIVEKIT_ variable is known",
        )
    } else {
        Item::note(
            "variables",
            format!(
                "{} is not a variable that Sidetone reads",
                strange.join(", ")
            ),
            "check the spelling against docs/configure.md",
        )
    }
}

#[cfg(test)]
mod tests;
