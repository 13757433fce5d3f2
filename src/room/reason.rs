//! Translates LiveKit's reasons for leaving into the call's.

use sidetone_call::transport::DisconnectReason;

/// Why a participant left, in the call's terms.
pub(super) fn reason_of(reason: livekit::DisconnectReason) -> DisconnectReason {
    use livekit::DisconnectReason as Lk;
    match reason {
        Lk::UnknownReason => DisconnectReason::Unknown,
        Lk::ClientInitiated => DisconnectReason::ClientInitiated,
        Lk::DuplicateIdentity => DisconnectReason::DuplicateIdentity,
        Lk::ServerShutdown => DisconnectReason::ServerShutdown,
        Lk::ParticipantRemoved => DisconnectReason::ParticipantRemoved,
        Lk::RoomDeleted => DisconnectReason::RoomDeleted,
        Lk::StateMismatch => DisconnectReason::StateMismatch,
        Lk::JoinFailure => DisconnectReason::JoinFailure,
        Lk::Migration => DisconnectReason::Migration,
        Lk::SignalClose => DisconnectReason::SignalClose,
        Lk::RoomClosed => DisconnectReason::RoomClosed,
        Lk::UserUnavailable => DisconnectReason::UserUnavailable,
        Lk::UserRejected => DisconnectReason::UserRejected,
        Lk::SipTrunkFailure => DisconnectReason::SipTrunkFailure,
        Lk::ConnectionTimeout => DisconnectReason::ConnectionTimeout,
        Lk::MediaFailure => DisconnectReason::MediaFailure,
        Lk::AgentError => DisconnectReason::AgentError,
    }
}
