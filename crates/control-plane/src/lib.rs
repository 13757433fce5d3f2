//! The control plane: who may call, with which agent, and how the call went.
//!
//! [`http`] is its API for backends, browsers and LiveKit's webhooks; [`dispatch`] asks LiveKit for agents and
//! watches over the rooms that need one; [`control`] keeps rooms, recordings and webhooks in step with the store;
//! [`server_api`] is the one client of LiveKit's server.
//!
//! Imported by the process; imports `base`, `config`, `store`, `recording`. Knows nothing of a call's inside.
//!
//! Invariants: any number of control planes may run on one store, so memory is only a cache; bad input is answered
//! with problem+json that says what to do; end users choose only what the agent's file allows.

pub mod control;
pub mod dispatch;
pub mod http;
pub mod server_api;
