//! A LiveKit room as the other end of a call's [`RoomLink`](sidetone_call::transport::RoomLink).

pub mod agent;
mod asked;
mod before;
mod desk;
mod doorkeeper;
mod keys;
mod microphone;
pub mod mixer;
pub mod overheard;
mod person;
mod publish;
mod pulse;
pub mod quality;
mod reason;
mod secrecy;
mod socket;
mod speech;
pub mod standing;
pub mod voice;
mod watch;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit::RoomDataStreamOptions;
use livekit::prelude::*;
use livekit::webrtc::peer_connection_factory::{PathWatch, Paths, Tried};
use tokio::sync::mpsc;

pub use keys::{KEY_PACE, dtmf, key_of};
pub use person::{caller_of, has_line, is_person, is_telephone};
use sidetone_base::clock;
use sidetone_config::encryption::Encryption;

/// A server that has not let us in by then will not; LiveKit's clients wait as long.
const JOIN_DEADLINE: Duration = Duration::from_secs(15);
/// If media has found no path this long after the server named its addresses, it will find none: all paths are being
/// tried after a quarter of a second. LiveKit's clients wait longer, in silence.
const MEDIA_DEADLINE: Duration = Duration::from_secs(4);
/// Leaving is a courtesy: the server notices a vanished participant by itself.
const CLOSE_DEADLINE: Duration = Duration::from_secs(3);

/// Longest text or byte stream accepted from a participant, in bytes after decompression: ten seconds of stereo at 48
/// kHz, which some clients record before the call. The client's own limit is 5 GB. The doorkeeper limits the number
/// of concurrent streams.
const STREAM_LIMIT: usize = 2 * 1024 * 1024;

/// Why a room could not be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The server did not respond in time.
    #[error(
        "{url} did not let us in within {JOIN_DEADLINE:?}; is livekit-server reachable there, also its media ports?"
    )]
    Deadline {
        /// LiveKit's address.
        url: String,
    },
    /// The server let us in, but media does not reach it.
    #[error(
        "media does not reach {url}; tried {tried}; open one of these ports in the firewall towards \
         LiveKit, or set up TURN over TLS there (`sidetone check` says which ways work)"
    )]
    NoPath {
        /// LiveKit's address.
        url: String,
        /// The addresses that were tried.
        tried: Box<Tried>,
    },
    /// The server rejected us, or cannot be reached.
    #[error("{url} cannot be joined: {reason}; {}", mending(.reason))]
    Refused {
        /// LiveKit's address.
        url: String,
        /// The error of LiveKit's client.
        reason: String,
    },
    /// The room's keys cannot be used.
    #[error("the agent's [encryption] cannot be used: {0}")]
    Keys(String),
    /// The server did not accept our microphone track.
    #[error("the microphone track was not published: {0}")]
    Publish(String),
}

/// How to fix the error of LiveKit's client.
fn mending(reason: &str) -> &'static str {
    if reason.contains("certificate") {
        "for a private CA, set SSL_CERT_FILE to a PEM file with its certificate"
    } else {
        "check LIVEKIT_HOST, and that the token's key is one of the server's"
    }
}

/// Joins the room that `token` is for. With `auto_subscribe` the server sends all tracks, otherwise only those that
/// are subscribed to.
/// # Errors
/// See [`JoinError`].
pub async fn join(
    url: &str,
    token: &str,
    auto_subscribe: bool,
) -> Result<(Room, mpsc::UnboundedReceiver<RoomEvent>), JoinError> {
    join_by(url, token, auto_subscribe, Paths::ALL).await
}

/// Joins the room that `token` is for as an agent: only tracks that are subscribed to arrive. With `encryption`, no
/// sound passes in the clear.
/// # Errors
/// See [`JoinError`].
pub async fn join_as_agent(
    url: &str,
    token: &str,
    encryption: Option<&Encryption>,
) -> Result<(Room, mpsc::UnboundedReceiver<RoomEvent>), JoinError> {
    connect(url, token, false, Paths::ALL, encryption).await
}

/// Like [`join`], restricted to some transports.
/// # Errors
/// See [`JoinError`].
pub async fn join_by(
    url: &str,
    token: &str,
    auto_subscribe: bool,
    paths: Paths,
) -> Result<(Room, mpsc::UnboundedReceiver<RoomEvent>), JoinError> {
    connect(url, token, auto_subscribe, paths, None).await
}

async fn connect(
    url: &str,
    token: &str,
    auto_subscribe: bool,
    paths: Paths,
    encryption: Option<&Encryption>,
) -> Result<(Room, mpsc::UnboundedReceiver<RoomEvent>), JoinError> {
    wire::lay();
    doorkeeper::keep_what_is_opened();
    let watch = Arc::<PathWatch>::default();
    let mut options = RoomOptions::default();
    options.auto_subscribe = auto_subscribe;
    options.data_stream =
        RoomDataStreamOptions::default().with_max_payload_byte_length(STREAM_LIMIT);
    options.rtc_config.paths = paths;
    options.rtc_config.watch = Some(watch.clone());
    options.rtc_config.doors = Some(doorkeeper::of_calls);
    if let Some(encryption) = encryption {
        let kept = secrecy::keep(&mut options, encryption).await;
        kept.map_err(JoinError::Keys)?;
    }
    let joining = Room::connect(url, token, options);
    let joined = tokio::select! {
        joined = tokio::time::timeout(JOIN_DEADLINE, joining) => joined,
        () = watch.stuck(MEDIA_DEADLINE) => {
            return Err(JoinError::NoPath {
                url: url.to_owned(),
                tried: Box::new(watch.tried()),
            });
        }
    };
    match joined {
        Err(_) => Err(JoinError::Deadline {
            url: url.to_owned(),
        }),
        Ok(Err(error)) => Err(JoinError::Refused {
            url: url.to_owned(),
            reason: error.to_string(),
        }),
        Ok(Ok(joined)) => Ok(joined),
    }
}

/// Leaves the room.
pub async fn close(room: &Room) {
    close_by(room, clock::now() + CLOSE_DEADLINE).await;
}

/// Leaves the room, and waits for that until a deadline.
pub async fn close_by(room: &Room, until: Instant) {
    let leaving = async {
        wire::others_leave(room).await;
        room.close().await
    };
    match tokio::time::timeout_at(until.into(), leaving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "leaving the room"),
        Err(_) => tracing::warn!("the room did not close in time"),
    }
}
