//! The tests of the whole product, in one program: each module is a subject. One program in place
//! of fifteen, for each of them would link the whole product: minutes and gigabytes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture;
mod bucket;
mod calls;
mod control;
mod conversation;
mod demo;
mod egress;
mod fallback;
mod http;
mod interop_tones;
mod mcp;
mod realtime;
mod recording;
mod speech;
mod store;
mod support;
mod worker;
