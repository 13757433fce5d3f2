//! Configuration, raw to valid: the environment, and the folder of agents, which is read again
//! whenever a file of it changes.

pub mod address;
pub mod agent;
pub mod built_in;
pub mod env;
pub mod folder;
pub mod json_schema;
pub mod language;
mod manners;
pub mod mcp;
mod phrases;
pub mod problem;
pub mod providers;
pub mod recording;
pub mod reference;
pub mod request;
pub mod result;
pub mod secret;
mod section;
pub mod speech;
pub mod template;
pub mod tools;
pub mod transfer;
pub mod variants;
mod voice;
pub mod webhook;
