//! Values that the whole product shares, and that know nothing of calls: sound that knows its rate ([`audio`]), the
//! one place where time is read ([`clock`]), files that one process works on at a time ([`claim`]) and nobody else
//! reads ([`private`]), what a file may say about a provider ([`provider`]), the tap between a room and its recorder
//! ([`tap`]), how long a call may take to end ([`leave`]), what the control plane tells an agent ([`hand`]) and how
//! the agent verifies that ([`signed`]), what a worker reports about itself ([`WorkerStatus`]), which characters ids
//! must not contain ([`plain`]), what keeps background tasks running ([`supervise`]) and their loops from waiting for
//! a network ([`lanes`]), whose requests are counted together ([`network`]), what a process measures ([`metrics`]),
//! and the spans that it exports ([`trace`]).
//!
//! Every other crate of the product may import this one; it imports none of them.
//!
//! Invariants: sound at two different rates does not mix, because that does not compile. The real clock is read only
//! through [`clock`], so that tests can stop it. A tap never makes a call wait.

pub mod audio;
pub mod claim;
pub mod clock;
pub mod hand;
pub mod lanes;
pub mod leave;
pub mod metrics;
pub mod network;
pub mod plain;
pub mod private;
pub mod provider;
pub mod signed;
pub mod supervise;
pub mod tap;
mod text_enum;
pub mod trace;
mod worker_status;

pub use worker_status::WorkerStatus;
