//! The ways by which a caller reaches the call besides by voice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::budget::{Bucket, Budget};

/// The longest message that is accepted, in bytes; a person does not type more.
pub const LONGEST_CHAT: usize = 16 * 1024;
/// Limit for messages: each is answered by a model, with everything that was said before.
const CHATS: Budget = Budget::every(5, Duration::from_secs(3));
/// Limit for their bytes: a page is pasted at once, and nobody types faster than this.
const CHAT_BYTES: Budget = Budget::per_second(2 * LONGEST_CHAT as u32, 512);
/// Limit for requests: a push-to-talk key goes down and up.
const RPCS: Budget = Budget::per_second(10, 5);
/// Limit for telephone keys, which any client can send: a number is dialled at once from a telephone's memory, and
/// nobody types faster than this for long. Each may end a turn.
const KEYS: Budget = Budget::per_second(64, 2);
/// How often it is told that something was dropped: messages to their sender, keys in the log.
const NOTES: Budget = Budget::every(1, Duration::from_secs(30));

/// Something that was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Whether to tell of it now, because that has not been done for a while.
    pub tell: bool,
}

/// Admits typed messages.
#[derive(Debug)]
pub struct ChatDoor {
    messages: Bucket,
    bytes: Bucket,
    notes: Bucket,
}

impl Default for ChatDoor {
    fn default() -> Self {
        Self {
            messages: Bucket::full(CHATS),
            bytes: Bucket::full(CHAT_BYTES),
            notes: Bucket::full(NOTES),
        }
    }
}

impl ChatDoor {
    /// A complete message has arrived.
    ///
    /// # Errors
    /// It is too long, or exceeds the limits.
    pub fn message(&mut self, now: Instant, bytes: usize) -> Result<(), Dropped> {
        let comes_in = bytes <= LONGEST_CHAT
            // In this order: a message over the limit costs no bytes.
            && self.messages.take(now, 1)
            && self.bytes.take(now, bytes);
        match comes_in {
            true => Ok(()),
            false => Err(self.dropped(now)),
        }
    }

    /// A message could not be read.
    pub fn dropped(&mut self, now: Instant) -> Dropped {
        Dropped {
            tell: self.notes.take(now, 1),
        }
    }
}

/// Admits requests (RPC).
#[derive(Debug)]
pub struct RpcDoor(Bucket);

impl Default for RpcDoor {
    fn default() -> Self {
        Self(Bucket::full(RPCS))
    }
}

impl RpcDoor {
    /// Whether another request is answered.
    pub fn request(&mut self, now: Instant) -> bool {
        self.0.take(now, 1)
    }
}

/// Admits telephone keys.
#[derive(Debug)]
pub struct KeyDoor {
    keys: Bucket,
    notes: Bucket,
}

impl Default for KeyDoor {
    fn default() -> Self {
        Self {
            keys: Bucket::full(KEYS),
            notes: Bucket::full(NOTES),
        }
    }
}

impl KeyDoor {
    /// A key was pressed.
    ///
    /// # Errors
    /// It exceeds the limit.
    pub fn key(&mut self, now: Instant) -> Result<(), Dropped> {
        if self.keys.take(now, 1) {
            return Ok(());
        }
        Err(Dropped {
            tell: self.notes.take(now, 1),
        })
    }
}

/// How many of a caller's attributes are used.
const ATTRIBUTES: usize = 64;
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 4 * 1024;

/// The part of a caller's attributes that is used: only short names and values, those of a telephone system (`sip.`)
/// before all others.
pub fn attributes(all: HashMap<String, String>) -> HashMap<String, String> {
    let fits = |(name, value): &(String, String)| {
        name.len() <= LONGEST_NAME && value.len() <= LONGEST_VALUE
    };
    let mut fitting: Vec<_> = all.into_iter().filter(fits).collect();
    if fitting.len() > ATTRIBUTES {
        fitting.sort_by_cached_key(|(name, _)| (!name.starts_with("sip."), name.clone()));
        fitting.truncate(ATTRIBUTES);
    }
    fitting.into_iter().collect()
}

#[cfg(test)]
mod tests;
