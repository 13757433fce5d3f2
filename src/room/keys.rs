//! Telephone keys as LiveKit carries them.

use std::time::Duration;

use livekit::SipDTMF;
use sidetone_call::transport::Key;

/// From one key to the next, as a person presses them: trunks merge tones that follow faster.
pub const KEY_PACE: Duration = Duration::from_millis(300);

/// The key that a packet tells of: by its sign, else by its code. LiveKit's SIP bridge sends both.
pub fn key_of(code: u32, digit: Option<&str>) -> Option<Key> {
    let mut signs = digit.unwrap_or_default().chars();
    match (signs.next(), signs.next()) {
        (Some(sign), None) => Key::new(sign),
        _ => Key::of_code(code),
    }
}

/// A key press as LiveKit carries it, for everybody in the room.
pub fn dtmf(key: Key) -> SipDTMF {
    SipDTMF {
        code: key.code(),
        digit: key.sign().to_string(),
        destination_identities: Vec::new(),
    }
}
