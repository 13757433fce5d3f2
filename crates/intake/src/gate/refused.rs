//! Why a packet goes no further.

use super::LONGEST;

/// Why a packet was not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not a data packet.
    #[error("it is not a data packet")]
    NotAPacket,
    /// It is encrypted, but not for us.
    #[error("it is encrypted for other participants")]
    Encrypted,
    /// It is too long.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// Its sender sends too many packets.
    #[error("its sender sends too many packets")]
    TooMany,
    /// Its sender sends too many bytes.
    #[error("its sender sends too many bytes")]
    TooMuch,
    /// Its sender sends too many compressed bytes.
    #[error("its sender sends too many compressed bytes")]
    TooMuchPacked,
    /// Its sender begins too many streams.
    #[error("its sender has too many streams, or begins them too fast")]
    TooManyStreams,
    /// Its sender makes too many requests.
    #[error("its sender makes too many requests")]
    TooManyRequests,
    /// It is part of a stream or a request, on the channel for what may get lost.
    #[error("clients send streams and requests on the reliable channel")]
    Lossy,
    /// It goes on with a stream that its sender has not begun, or that was ended.
    #[error("it belongs to no stream of its sender")]
    NoStream,
    /// It begins a stream that LiveKit's client cannot read.
    #[error(
        "it begins a stream of an unknown kind or compression, or with an id that is too long or not plain text"
    )]
    UnreadableStream,
    /// It was sent before: its sender goes on after it had lost the connection.
    #[error("it was sent before")]
    Repeated,
    /// The one before it is missing.
    #[error("the piece of the stream before it is missing")]
    Gap,
    /// It answers a request, but agents make none.
    #[error("it answers a request that nobody has made")]
    NotAsked,
}
