//! Limits the open event streams: per user, per network, and in total.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the open streams; cheap to clone.
#[derive(Clone, Debug)]
pub struct Streams {
    of_one: usize,
    of_network: usize,
    in_all: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    by_user: HashMap<String, usize>,
    by_network: HashMap<String, usize>,
    all: usize,
}

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// The slot of an open stream, freed when it is dropped.
#[derive(Debug)]
pub struct Place {
    open: Arc<Mutex<Open>>,
    user: String,
    network: String,
}

impl Streams {
    /// No stream is open.
    pub fn new(of_one: usize, of_network: usize, in_all: usize) -> Self {
        Self {
            of_one,
            of_network,
            in_all,
            open: Arc::default(),
        }
    }

    /// Takes a slot.
    /// # Errors
    /// None is free.
    pub fn take(&self, user: &str, network: &str) -> Result<Place, TooMany> {
        let mut open = locked(&self.open);
        let of = |counts: &HashMap<String, usize>, who| counts.get(who).copied().unwrap_or(0);
        let is_full = open.all >= self.in_all
            || of(&open.by_user, user) >= self.of_one
            || of(&open.by_network, network) >= self.of_network;
        if is_full {
            return Err(TooMany);
        }
        open.all += 1;
        *open.by_user.entry(user.to_owned()).or_default() += 1;
        *open.by_network.entry(network.to_owned()).or_default() += 1;
        Ok(Place {
            open: Arc::clone(&self.open),
            user: user.to_owned(),
            network: network.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = locked(&self.open);
        open.all -= 1;
        let Open {
            by_user,
            by_network,
            ..
        } = &mut *open;
        for (counts, who) in [(by_user, &self.user), (by_network, &self.network)] {
            if let Some(count) = counts.get_mut(who) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(who);
                }
            }
        }
    }
}

/// A panic while the lock was held leaves consistent data.
fn locked(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
