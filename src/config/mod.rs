//! Configuration, parsed once at start, raw to valid: the environment and one TOML file an agent.

pub mod agent;
pub mod env;
pub mod recording;
mod section;
mod template;
mod voice;
