//! Sidetone: one process that joins LiveKit rooms as a participant and talks with people.
//! `ARCHITECTURE.md` is the map.

pub mod agent;
pub mod call;
pub mod caller;
pub mod check;
pub mod cli;
pub mod config;
pub mod console;
pub mod control;
pub mod demo;
pub mod dispatch;
pub mod eval;
pub mod http;
pub mod openai;
pub mod recording;
pub mod replay;
pub mod serve;
pub mod server_api;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod tools;
pub mod transport;
pub mod worker;
