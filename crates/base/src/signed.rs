//! Signed messages from the control plane to an agent in a room.
//!
//! By a data packet alone, a participant of a room cannot be told from LiveKit's server: a hidden participant sends
//! without a name, and a packet may arrive before its sender is known. So everything that an agent does on the control
//! plane's behalf carries an HMAC with a key that only those who hold LiveKit's secret can derive. It covers the room,
//! the topic, the call that it is for, the time and the message itself.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// The largest difference between the two sides' clocks, including transit time.
const WINDOW: Duration = Duration::from_secs(60);
/// How many messages are remembered, so that none is accepted twice. Nobody sends this many within twice [`WINDOW`].
const REMEMBERED: usize = 256;
/// What the key is derived for; a change of format changes it.
const PURPOSE: &[u8] = b"sidetone: control plane to agent, 1";

/// Signs and verifies. Everyone who holds LiveKit's secret has the same key.
#[derive(Clone)]
pub struct Key(hmac::Key);

/// Never shows the key.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// Where a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// The name of the LiveKit room.
    pub room: &'a str,
    /// The data packet's topic, or the RPC method.
    pub topic: &'a str,
    /// The id of the call that it is for; empty for whatever call is in the room.
    pub call: &'a str,
}

/// A message as it is sent, in JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    /// See [`Address::call`].
    call: String,
    /// Milliseconds since 1970.
    at: u64,
    /// The message itself.
    body: String,
    /// HMAC-SHA256 over all of the above and the rest of the address.
    mac: String,
}

/// Why a message is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not an envelope, or it was signed with another key, for another room or for another topic.
    #[error(
        "it is not signed by the control plane; do both sides have the same LIVEKIT_API_SECRET?"
    )]
    Unsigned,
    /// It was signed too long ago, or in the future.
    #[error("it was signed more than {WINDOW:?} from now; are both clocks right?")]
    Untimely,
    /// It is for another call.
    #[error("it is for another call")]
    OtherCall,
    /// It was received before.
    #[error("it was received before (a replay)")]
    Repeated,
    /// Too many were received to remember them all.
    #[error("more than {REMEMBERED} messages came in {:?}", 2 * WINDOW)]
    TooMany,
}

impl Key {
    /// Derives the key from LiveKit's API secret.
    pub fn of(api_secret: &str) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, api_secret.as_bytes());
        let derived = hmac::sign(&secret, PURPOSE);
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// Signs `body` for one address, at the time `now`.
    pub fn sign(&self, to: Address<'_>, now: SystemTime, body: String) -> serde_json::Value {
        let at = millis(now);
        let mac = hmac::sign(&self.0, &signed(to, at, &body));
        serde_json::json!({
            "call": to.call,
            "at": at,
            "body": body,
            "mac": BASE64.encode(mac.as_ref()),
        })
    }
}

/// The keys from all of LiveKit's secrets: while a secret is being rotated, there are two. The first signs, any
/// verifies.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Signs with the first key; see [`Key::sign`]. JSON null if there is no key.
    pub fn sign(&self, to: Address<'_>, now: SystemTime, body: String) -> serde_json::Value {
        (self.0.first()).map_or(serde_json::Value::Null, |key| key.sign(to, now, body))
    }

    fn know(&self, signed: &[u8], mac: &[u8]) -> bool {
        let mut keys = self.0.iter();
        keys.any(|key| hmac::verify(&key.0, signed, mac).is_ok())
    }
}

impl From<Key> for Keys {
    fn from(key: Key) -> Self {
        Self(vec![key])
    }
}

impl FromIterator<Key> for Keys {
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// An agent's side: accepts messages to one call in one room. A clone can accept those of other topics.
#[derive(Clone, Debug)]
pub struct Inbox {
    keys: Keys,
    room: String,
    call: String,
    /// Time and signature of accepted messages, oldest first.
    taken: VecDeque<(u64, Vec<u8>)>,
}

impl Inbox {
    /// Accepts messages to this call in this room.
    pub fn new(keys: impl Into<Keys>, room: impl Into<String>, call: impl Into<String>) -> Self {
        Self {
            keys: keys.into(),
            room: room.into(),
            call: call.into(),
            taken: VecDeque::new(),
        }
    }

    /// Verifies a signed packet that arrived on this topic and returns its message; each message is accepted once.
    ///
    /// # Errors
    /// It is not from the control plane, not for this call, or not recent.
    pub fn take(&mut self, topic: &str, now: SystemTime, packet: &[u8]) -> Result<String, Refused> {
        let envelope: Envelope = serde_json::from_slice(packet).map_err(|_| Refused::Unsigned)?;
        let mac = BASE64
            .decode(&envelope.mac)
            .map_err(|_| Refused::Unsigned)?;
        let address = Address {
            room: &self.room,
            topic,
            call: &envelope.call,
        };
        let signed = signed(address, envelope.at, &envelope.body);
        if !self.keys.know(&signed, &mac) {
            return Err(Refused::Unsigned);
        }
        let (now, window) = (millis(now), WINDOW.as_millis() as u64);
        if envelope.at.abs_diff(now) > window {
            return Err(Refused::Untimely);
        }
        if !envelope.call.is_empty() && envelope.call != self.call {
            return Err(Refused::OtherCall);
        }
        // Anything older than the window is rejected for that reason.
        self.taken.retain(|(at, _)| at.abs_diff(now) <= window);
        if self.taken.iter().any(|(_, taken)| *taken == mac) {
            return Err(Refused::Repeated);
        }
        if self.taken.len() >= REMEMBERED {
            return Err(Refused::TooMany);
        }
        self.taken.push_back((envelope.at, mac));
        Ok(envelope.body)
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

/// The bytes that are signed: each part is preceded by its length, so that no two messages have the same bytes.
fn signed(to: Address<'_>, at: u64, body: &str) -> Vec<u8> {
    let at = at.to_string();
    let mut bytes = Vec::new();
    for part in [to.room, to.topic, to.call, &at, body] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
