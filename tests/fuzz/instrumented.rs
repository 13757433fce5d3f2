//! The same targets in a program that libFuzzer drives (`make fuzz`): `FUZZ_TARGET` selects one of them.
#![no_main]
#![allow(clippy::unwrap_used, reason = "a fuzzer ends by panicking")]

#[allow(dead_code, reason = "the soak needs the rest of it")]
#[path = "../support/heap.rs"]
mod heap;
#[allow(dead_code, reason = "mutations are libFuzzer's")]
mod target;
mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use target::Target;

#[global_allocator]
static HEAP: heap::Counted = heap::Counted;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn chosen() -> &'static Target {
    CHOSEN.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").unwrap();
        let found = targets::TARGETS.iter().find(|target| target.name == name);
        let target = found.unwrap_or_else(|| panic!("there is no target {name:?}"));
        // What is made once per process does not count as the cost of an input.
        (target.run)(&[0; 64]);
        target
    })
}

fuzz_target!(|input: &[u8]| {
    // If the target panics, the program has already ended with the panic's own message.
    if let Err(wrong) = chosen().check(input) {
        panic!("{wrong}");
    }
});
