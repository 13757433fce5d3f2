//! A fuzz target and its limits.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::heap::{self, Cost};

/// Maximum input: some packets, a page of text, an agent file.
pub const LONGEST: usize = 64 * 1024;

/// Something that reads untrusted input.
pub struct Target {
    /// Its name, which is also the name of its corpus in `fixtures/fuzz`.
    pub name: &'static str,
    /// Reads an input, and panics if the result is impossible.
    pub run: fn(&[u8]),
    /// The limit on memory held at once.
    pub holds: Limit,
    /// The limit on the total memory allocated: work that grows faster than the input also allocates more.
    pub takes: Limit,
    /// Typical parts of its inputs, for mutations.
    pub words: &'static [&'static [u8]],
}

/// Bytes that may be allocated for an input.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Bytes per byte of input.
    pub per_byte: usize,
    /// Bytes for any input.
    pub always: usize,
}

impl Limit {
    const fn allows(self, input: usize, bytes: usize) -> bool {
        bytes <= self.always + self.per_byte * input
    }
}

impl Target {
    /// Reads an input and checks the cost.
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
