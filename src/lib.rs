//! Sidetone: one process that joins LiveKit rooms as a participant and talks with people. `ARCHITECTURE.md` gives an
//! overview.

pub mod agent;
pub mod caller;
pub mod check;
pub mod cli;
pub mod console;
pub mod demo;
pub mod env_files;
pub mod eval;
pub mod health;
pub mod recorder;
pub mod replay;
pub mod room;
pub mod serve;
pub mod shop;
pub mod telemetry;
pub mod tls;
pub mod worker;
