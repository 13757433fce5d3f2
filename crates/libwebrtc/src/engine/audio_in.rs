//! From received packets to steady 10 ms frames.
//!
//! [`JitterBuffer`] is a pure core: packets and the time go in, exactly 10 ms of audio come out of each `pull`,
//! whatever the network does. The `neteq` crate is not used because it skips over lost packets instead of concealing
//! them, supports neither in-band FEC nor DTX, orders packets by raw 32-bit timestamps, and reads the real clock.

mod delay;
mod jitter;
mod packet;
mod reception;
mod stretch;
#[cfg(test)]
mod tests;

pub(crate) use jitter::JitterBuffer;
pub(crate) use packet::MediaPacket;
pub(crate) use reception::Reception;
