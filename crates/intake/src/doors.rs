//! The doors by which a caller reaches the call, beside its voice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::budget::{Bucket, Budget};

/// Longest message that is read; a person does not type more.
pub const LONGEST_CHAT: usize = 16 * 1024;
/// Messages: each is answered by a model, with all that was said before.
const CHATS: Budget = Budget::every(5, Duration::from_secs(3));
/// Their bytes: a page is pasted at once, and nobody types faster than this.
const CHAT_BYTES: Budget = Budget::per_second(2 * LONGEST_CHAT as u32, 512);
/// Requests: a push-to-talk key goes down and up.
const RPCS: Budget = Budget::per_second(10, 5);
/// The sender of messages that are dropped is told so this often.
const NOTES: Budget = Budget::every(1, Duration::from_secs(30));

/// A message that is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Its sender is to be told now; it was not for a while.
    pub tell: bool,
}

/// Written messages.
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
    /// A message that has arrived as a whole.
    ///
    /// # Errors
    /// It is too long, or one too many.
    pub fn message(&mut self, now: Instant, bytes: usize) -> Result<(), Dropped> {
        let comes_in = bytes <= LONGEST_CHAT
            // In this order: what is one too many costs no bytes.
            && self.messages.take(now, 1)
            && self.bytes.take(now, bytes);
        match comes_in {
            true => Ok(()),
            false => Err(self.dropped(now)),
        }
    }

    /// A message that could not be read.
    pub fn dropped(&mut self, now: Instant) -> Dropped {
        Dropped {
            tell: self.notes.take(now, 1),
        }
    }
}

/// Requests.
#[derive(Debug)]
pub struct RpcDoor(Bucket);

impl Default for RpcDoor {
    fn default() -> Self {
        Self(Bucket::full(RPCS))
    }
}

impl RpcDoor {
    /// Whether another one is answered.
    pub fn request(&mut self, now: Instant) -> bool {
        self.0.take(now, 1)
    }
}

/// Attributes of a caller that are looked at.
const ATTRIBUTES: usize = 64;
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 4 * 1024;

/// What is taken of a caller's attributes: what a telephone system says (`sip.`) before all else, short names
/// and values.
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
