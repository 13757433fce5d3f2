//! The tests of the whole product, in one program; each module covers one subject. It is a single program instead of
//! fifteen because each would link the whole product, which takes minutes and gigabytes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anywhere;
mod architecture;
mod bucket;
mod calls;
mod check;
mod control;
mod conversation;
mod demo;
mod dialects;
mod docs;
mod egress;
mod fallback;
mod faults;
mod first_agent;
mod fuzz;
mod http;
mod interop_tones;
mod mcp;
mod metrics;
mod realtime;
mod recording;
mod rooms;
mod shipped;
mod soak;
mod speech;
mod spool;
mod store;
mod support;
mod worker;

use support::heap;

#[global_allocator]
static HEAP: heap::Counted = heap::Counted;
