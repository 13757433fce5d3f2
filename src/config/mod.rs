//! Configuration files, parsed once, raw to valid.

pub mod agent;
