//! What the product's modules stand on, and nothing of calls: sound as values that know their rate
//! ([`audio`]), the one place where they read a clock ([`clock`]), and what a file may say of a
//! provider ([`provider`]). Imports none of the workspace.

pub mod audio;
pub mod clock;
pub mod provider;
pub mod tap;
mod text_enum;
mod worker_status;

pub use worker_status::WorkerStatus;
