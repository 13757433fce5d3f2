//! By which paths media reaches LiveKit's server from here: the check joins a room of its own by each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit::webrtc::peer_connection_factory::{Paths, Tried};
use livekit_api::access_token::{AccessToken, VideoGrants};

use super::Item;
use crate::room::{self, JoinError};
use sidetone_base::clock;
use sidetone_config::env::LiveKit;

/// The server deletes the room once its last participant has been gone for a while.
const TOKEN_LIFE: Duration = Duration::from_secs(60);

/// One path, and its result.
struct Probe {
    way: &'static str,
    result: Result<Duration, JoinError>,
}

/// An item for each path. Calls work by any one of them.
pub(super) async fn ways(livekit: &LiveKit) -> Vec<Item> {
    let room = format!("sidetone-check-{}", uuid::Uuid::new_v4().simple());
    let probe = |way, paths| probe(livekit, &room, way, paths);
    let (udp, tcp, turn) = tokio::join!(
        probe("udp", Paths::UDP),
        probe("tcp", Paths::TCP),
        probe("turn", Paths::RELAY)
    );
    judge(&[udp, tcp, turn])
}

async fn probe(livekit: &LiveKit, room: &str, way: &'static str, paths: Paths) -> Probe {
    let begin = clock::now();
    let result = join(livekit, room, way, paths, begin).await;
    Probe { way, result }
}

async fn join(
    livekit: &LiveKit,
    room: &str,
    way: &str,
    paths: Paths,
    begin: Instant,
) -> Result<Duration, JoinError> {
    let grants = VideoGrants {
        room_join: true,
        room: room.to_owned(),
        ..VideoGrants::default()
    };
    let key = livekit.keys.first();
    let token = AccessToken::with_api_key(&key.id, &key.secret.expose())
        .with_identity(&format!("check-{way}"))
        .with_ttl(TOKEN_LIFE)
        .with_grants(grants)
        .to_jwt()
        .map_err(|error| JoinError::Refused {
            url: livekit.host.clone(),
            reason: error.to_string(),
        })?;
    let (joined, _events) = room::join_by(&livekit.host, &token, false, paths).await?;
    let took = clock::now().saturating_duration_since(begin);
    room::close(&joined).await;
    Ok(took)
}

fn judge(probes: &[Probe]) -> Vec<Item> {
    let any = probes.iter().any(|probe| probe.result.is_ok());
    probes
        .iter()
        .map(|Probe { way, result }| match result {
            Ok(took) => Item::ok(
                "media",
                format!("{way}: reaches LiveKit, {} ms", took.as_millis()),
            ),
            Err(JoinError::NoPath { tried, .. }) => blocked(way, tried, any),
            Err(error) => Item::wrong("media", format!("{way}: {error}"), "fix what this says"),
        })
        .collect()
}

/// Nothing answers by this path. Calls work as long as `any` other does.
fn blocked(way: &str, tried: &Tried, any: bool) -> Item {
    let ports = |addresses: &std::collections::BTreeSet<SocketAddr>, protocol: &str| {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        format!(
            "open {protocol} to {} in the firewall",
            addresses.join(", ")
        )
    };
    let (found, fix) = match way {
        "turn" if tried.relays.is_empty() => {
            if any {
                return Item::ok("media", "turn: LiveKit offers none, and none is needed here");
            }
            (
                "turn: LiveKit offers none".to_owned(),
                "or set up TURN over TLS on port 443 (`turn` in livekit-server's configuration)".to_owned(),
            )
        }
        "turn" => (
            format!("turn: no answer by {tried}"),
            "open the port of the TURN server in the firewall, or see whether it runs".to_owned(),
        ),
        "udp" if !tried.udp.is_empty() => (
            format!("udp: no answer by {tried}"),
            ports(&tried.udp, "UDP"),
        ),
        "tcp" if !tried.tcp.is_empty() => (
            format!("tcp: no answer by {tried}"),
            ports(&tried.tcp, "TCP"),
        ),
        _ => (
            format!("{way}: LiveKit names no address"),
            "see `rtc` in livekit-server's configuration: `udp_port` or `port_range_start`, and `tcp_port`".to_owned(),
        ),
    };
    if any {
        Item::note(
            "media",
            found,
            format!("calls go another way, which may be slower; {fix}"),
        )
    } else {
        Item::wrong("media", found, fix)
    }
}

#[cfg(test)]
mod tests;
