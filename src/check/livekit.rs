//! Checks whether LiveKit accepts the key, and whether both clocks agree.

use chrono::{DateTime, Utc};
use livekit_api::services::{ServerError, ServiceError};

use super::{DEADLINE, Item};
use sidetone_base::clock;
use sidetone_config::env::LiveKit;
use sidetone_control_plane::server_api::ServerApi;

/// Tokens tolerate a minute; warn at half of it.
const MAX_SKEW_SECONDS: i64 = 30;

/// A note if tokens are sent over a network unencrypted.
pub(super) fn encryption(livekit: &LiveKit) -> Option<Item> {
    let found = livekit.in_the_clear()?;
    let fix = "put TLS in front of livekit-server and write wss://, or keep everybody else out of that network";
    Some(Item::note("encryption", found, fix))
}

/// Whether something answers at the address given to callers, if that is a different one.
pub(super) async fn public(livekit: &LiveKit) -> Option<Item> {
    let public = livekit.public.as_ref()?;
    let url = public.replacen("ws", "http", 1);
    let asked = reqwest::Client::new()
        .get(url)
        .timeout(DEADLINE)
        .send()
        .await;
    let found = format!("callers are told {public}");
    Some(match asked {
        Ok(_) => Item::ok("public address", format!("{found}, which answers")),
        Err(error) => Item::note(
            "public address",
            format!(
                "{found}, which does not answer from here ({})",
                with_causes(&error.without_url())
            ),
            "check LIVEKIT_PUBLIC_URL, unless this machine is not meant to reach it",
        ),
    })
}

/// A note if the secret is publicly known.
pub(super) fn secret(livekit: &LiveKit) -> Option<Item> {
    let found = livekit.weak_secret()?;
    let fix =
        "before others can reach it, set a secret that `openssl rand -base64 48` prints, in both";
    Some(Item::note("secret", found, fix))
}

/// Whether LiveKit accepts the key, by a real request.
pub(super) async fn credentials(livekit: &LiveKit) -> Item {
    let server = ServerApi::new(livekit);
    match tokio::time::timeout(DEADLINE, server.rooms()).await {
        Ok(Ok(rooms)) => Item::ok(
            "livekit",
            format!("{} takes the key; {} rooms open", livekit.host, rooms.len()),
        ),
        Ok(Err(error)) => {
            let text = with_causes(&error);
            // A refused key is answered with plain text, which the client cannot decode; only a request that never
            // arrived points to the address.
            let fix = if text.contains("certificate") {
                "the server's certificate is not trusted: for a private CA, set SSL_CERT_FILE to a \
                 PEM file with its certificate"
            } else if is_unreachable(&error) {
                "check LIVEKIT_HOST, and that this machine may reach it (firewall, DNS)"
            } else {
                "LIVEKIT_API_KEY and LIVEKIT_API_SECRET belong to another project, or this \
                 machine's clock is wrong"
            };
            Item::wrong("livekit", format!("{}: {text}", livekit.host), fix)
        }
        Err(_) => Item::wrong(
            "livekit",
            format!("{} does not answer within 10 s", livekit.host),
            "check LIVEKIT_HOST, and that this machine may reach it (firewall, DNS)",
        ),
    }
}

/// The error and its causes: a refused certificate is only named by the last one.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

fn is_unreachable(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Twirp(ServerError::Request(request))
        if request.is_connect() || request.is_timeout())
}

/// How far this machine's clock is from LiveKit's, which matters because tokens contain times.
pub(super) async fn clock_skew(livekit: &LiveKit) -> Item {
    let url = livekit.host.replacen("ws", "http", 1);
    let response = reqwest::Client::new()
        .get(url)
        .timeout(DEADLINE)
        .send()
        .await;
    let date = response.ok().and_then(|response| {
        let date = response.headers().get("date")?.to_str().ok()?;
        DateTime::parse_from_rfc2822(date).ok()
    });
    let Some(date) = date else {
        return Item::note(
            "clock",
            "LiveKit did not report its time",
            "check that this machine synchronises its clock (NTP)",
        );
    };
    let skew = (DateTime::<Utc>::from(clock::wall()) - date.to_utc()).num_seconds();
    if skew.abs() <= MAX_SKEW_SECONDS {
        Item::ok("clock", format!("{} s from LiveKit's", skew.abs()))
    } else {
        Item::wrong(
            "clock",
            format!(
                "{} s {} LiveKit's",
                skew.abs(),
                if skew > 0 { "ahead of" } else { "behind" }
            ),
            "tokens will be refused: set this machine's clock (NTP)",
        )
    }
}

#[cfg(test)]
mod tests;
