//! The list of everything this engine does not do.
//!
//! Each entry has a stable name and says what the caller can do instead. Using one either returns an error with this
//! text or, where the interface cannot fail, logs it as an error the first time.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::vocabulary::error::RtcError;

/// A part of the interface that exists in name only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Unsupported {
    /// Capturing, encoding, decoding and rendering pictures.
    Video,
    /// Microphones and loudspeakers of this machine.
    AudioDevices,
    /// Echo cancellation, noise suppression and gain control in a source.
    AudioProcessing,
    /// Listening to a track that this process sends.
    LocalAudioStream,
    /// Choosing the order of codecs in an offer.
    CodecPreferences,
    /// Bitrate limits for a whole connection.
    ConnectionBitrate,
    /// Metadata carried after video frames.
    PacketTrailer,
    /// Replacing the track of a sender that is already in use.
    ReplaceTrack,
}

use Unsupported::*;

impl Unsupported {
    /// Every entry.
    pub const ALL: [Unsupported; 8] = [
        Video,
        AudioDevices,
        AudioProcessing,
        LocalAudioStream,
        CodecPreferences,
        ConnectionBitrate,
        PacketTrailer,
        ReplaceTrack,
    ];

    /// What is missing and what to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Video => "video is negotiated but neither sent nor decoded; use audio tracks",
            AudioDevices => {
                "sound devices are not supported; fill a NativeAudioSource and read a NativeAudioStream"
            }
            AudioProcessing => {
                "echo cancellation, noise suppression and gain control are not applied to sources"
            }
            LocalAudioStream => {
                "a NativeAudioStream needs a remote track; keep the frames you capture instead"
            }
            CodecPreferences => "codec preferences are not applied",
            ConnectionBitrate => "connection bitrate limits are not applied; set max_bitrate",
            PacketTrailer => "frame metadata is not carried",
            ReplaceTrack => "a sender's track cannot be replaced; remove it and add a transceiver",
        }
    }

    /// The entry as an error.
    pub(crate) fn error(self) -> RtcError {
        RtcError::internal(self.advice())
    }

    /// Logs the entry as an error the first time it is used in this process.
    pub(crate) fn report(self) {
        static REPORTED: AtomicU32 = AtomicU32::new(0);
        let bit = 1 << self as u8;
        if REPORTED.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            tracing::error!(feature = ?self, "{}", self.advice());
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice())
    }
}

#[cfg(test)]
mod tests;
