//! The control plane: who may call, with which agent, and what became of it.
//!
//! [`http`] is its API for backends, browsers and LiveKit's webhooks; [`dispatch`] asks LiveKit for
//! agents and watches over the rooms that want one; [`control`] keeps rooms, recordings and webhooks in
//! step with the store; [`server_api`] is the one client of LiveKit's server.
//!
//! Imported by the process; imports `base`, `config`, `store`, `recording`. Knows no call from inside.
//!
//! Always true here: any number of control planes may run on one store, so memory is a cache; bad input is
//! answered by problem+json that says what to do; end users choose only what the agent's file allows.

pub mod control;
pub mod dispatch;
pub mod http;
pub mod server_api;
