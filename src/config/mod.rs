//! Configuration, read once at start: the environment, and one TOML file an agent.

pub mod env;
