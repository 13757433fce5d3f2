//! Values that all of the product shares, and nothing of calls: sound that knows its rate ([`audio`]), the
//! one place where time is read ([`clock`]), files that one process works on at a time ([`claim`]) and nobody else reads
//! ([`private`]), what a
//! file may say of a provider ([`provider`]), the tap between a room and its recorder ([`tap`]), how long a call
//! may take to end ([`leave`]), what the control plane tells an agent ([`hand`]) and how that is known ([`signed`]), what a
//! worker says of itself ([`WorkerStatus`]), what an id is not made of ([`plain`]), who keeps background tasks
//! running ([`supervise`]) and how their loops wait for no network ([`lanes`]), whose requests are counted
//! together ([`network`]), what a process measures of itself ([`metrics`]) and tells as spans ([`trace`]).
//!
//! Every other crate of the product may import this one; it imports none of them.
//!
//! Always true here: sound of two rates does not mix, because it does not compile. Who reads the real clock
//! does it by [`clock`], so that tests may stop it. A tap never makes a call wait.

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
