//! Encryption between participants, which the server in the middle cannot undo: layout, keys and ratchet
//! as LiveKit's clients have them (client-sdk-js `src/e2ee`, webrtc-sdk `frame_crypto_transformer.cc`).
//!
//! [`key`] derives keys and [`frame`] is the layout of a packet, both PURE; [`keys`] keeps them by participant
//! and index; [`media`] stands in a track's way, [`data`] in that of data packets.
//!
//! A cryptor belongs to its track, not to a connection: where a track is published anew, after a full reconnect,
//! not one of its packets leaves in the clear before the client has made another.

pub(crate) mod data;
pub(crate) mod frame;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod media;

#[cfg(test)]
mod tests;
