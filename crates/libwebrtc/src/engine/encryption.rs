//! Encryption between participants, which the server in the middle cannot undo: layout, keys and ratcheting as in
//! LiveKit's clients (client-sdk-js `src/e2ee`, webrtc-sdk `frame_crypto_transformer.cc`).
//!
//! [`key`] derives keys and [`frame`] is the layout of a packet, both PURE; [`keys`] stores them by participant and
//! index; [`media`] is in a track's path, [`data`] in that of data packets.
//!
//! A cryptor belongs to its track, not to a connection: if a track is published again, after a full reconnect, none of
//! its packets leaves in the clear before the client has created another cryptor.

pub(crate) mod data;
pub(crate) mod frame;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod media;

#[cfg(test)]
mod tests;
