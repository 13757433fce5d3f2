//! Turn taking: who may speak, and when. Pure: `std` only, no audio, no I/O, no clock.

/// A turn of the caller, counted from 1 within a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId(pub u64);

/// A reply of the agent, counted from 1 within a call. Every item between the model and the
/// speaker carries it; one that is not the live reply's is dropped, so that barge-in is a
/// comparison and not a race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// The numbers of turn taking.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {}
