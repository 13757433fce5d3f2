//! The control plane: who may call, with which agent, and what became of it.
//!
//! [`http`] is its API for backends, browsers and LiveKit's webhooks; [`dispatch`] asks LiveKit for
//! agents and watches over the rooms that want one; [`control`] keeps rooms, recordings and webhooks in
//! step with the store; [`server_api`] is the one client of LiveKit's server. Any number of control planes may run on one store: nothing here is the truth.

pub mod control;
pub mod dispatch;
pub mod http;
pub mod server_api;
