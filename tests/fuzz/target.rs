//! What a target is, and what it is held to.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::heap::{self, Cost};

/// Longest input: some packets, a page of text, an agent's file.
pub const LONGEST: usize = 64 * 1024;

/// Something that reads what strangers send.
pub struct Target {
    /// Its name, and its corpus' in `fixtures/fuzz`.
    pub name: &'static str,
    /// Reads an input, and panics where what came of it cannot be.
    pub run: fn(&[u8]),
    /// What it may hold at once.
    pub holds: Limit,
    /// What it may allocate in all: whoever does work that grows faster than the input allocates so, too.
    pub takes: Limit,
    /// What its inputs are made of, for mutations.
    pub words: &'static [&'static [u8]],
}

/// Bytes that may be allocated for an input.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// For each byte of it.
    pub per_byte: usize,
    /// Whatever it is.
    pub always: usize,
}

impl Limit {
    const fn allows(self, input: usize, bytes: usize) -> bool {
        bytes <= self.always + self.per_byte * input
    }
}

impl Target {
    /// Reads an input and looks at what that took.
    ///
    /// # Errors
    /// What was wrong.
    pub fn check(&self, input: &[u8]) -> Result<Cost, String> {
        let run = || catch_unwind(AssertUnwindSafe(|| (self.run)(input)));
        let (ran, cost) = heap::cost_of(run);
        ran.map_err(|panic| words_of(&*panic))?;
        let Cost { peak, taken } = cost;
        for (what, bytes, limit) in [
            ("held at once", peak, self.holds),
            ("allocated in all", taken, self.takes),
        ] {
            if !limit.allows(input.len(), bytes) {
                let length = input.len();
                return Err(format!(
                    "{bytes} bytes were {what} for {length} of input; {limit:?}"
                ));
            }
        }
        Ok(cost)
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("it panicked: {}", text.unwrap_or_default())
}
