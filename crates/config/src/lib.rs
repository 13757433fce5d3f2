//! Configuration, raw to valid: the environment ([`env`]), and the folder of agents ([`folder`]), which is read again
//! whenever one of its files changes, or stands back for an [`edition`] that the whole pool shares.
//!
//! An agent's file becomes an [`agent::AgentConfig`], as a whole or not at all. The same reader performs the checks
//! and makes the JSON schema and the reference ([`reference`]), so that they cannot disagree.
//!
//! Imported by calls, store, recording, control plane and process; imports `base` and `turn`, whose values it fills.
//! Knows no provider's protocol.
//!
//! Invariants: a mistake is reported with file, line, key and how to fix it, all mistakes at once; a file with
//! mistakes replaces nothing; the `Debug` output of secrets never shows them.

pub mod address;
pub mod agent;
pub mod agents_from;
pub mod allowance;
pub mod built_in;
pub mod choices;
pub mod edition;
pub mod encryption;
pub mod env;
mod files;
pub mod folder;
pub mod holding;
pub mod json_schema;
pub mod language;
pub mod livekit;
mod login;
pub mod mcp;
pub mod menu;
mod phrases;
pub mod prices;
pub mod problem;
pub mod providers;
pub mod recording;
pub mod reference;
pub mod request;
pub mod result;
pub mod routing;
pub mod secret;
mod section;
mod sound;
pub mod speech;
pub mod template;
mod timing;
pub mod tools;
pub mod traces;
pub mod transfer;
pub mod unknown_agent;
pub mod variable;
pub mod variants;
mod voice;
pub mod voicemail;
pub mod webhook;
