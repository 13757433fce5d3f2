//! Limits what strangers in a room send. PURE.
//!
//! [`recorded`] reads what a client recorded before the agent could hear, in the formats that browsers write.
//! [`budget`] limits how much of anything may come in over time; [`gate`] applies such limits to a room's data packets
//! before LiveKit's client decompresses or keeps any of them; [`doors`] are the ways by which the caller reaches the
//! call.
//!
//! Invariants: reading ends, because each step consumes input; what comes out and what is remembered is bounded by
//! constants, whatever goes in; and `now` is an argument.

pub mod budget;
pub mod doors;
pub mod gate;
mod opened;
pub mod recorded;
