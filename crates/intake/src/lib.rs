//! What strangers in a room send, and how much of it is let in. PURE.
//!
//! [`recorded`] reads what a client recorded before the agent could hear, as browsers write it. [`budget`] says
//! how much of anything may come in a time; [`gate`] holds a room's data packets to such budgets before LiveKit's
//! client unpacks or keeps any of it; [`doors`] are those by which the caller reaches the call.
//!
//! Always true here: reading ends, for each step consumes input; what comes out and what is remembered is bounded
//! by constants, whatever goes in; and `now` is an argument.

pub mod budget;
pub mod doors;
pub mod gate;
mod opened;
pub mod recorded;
