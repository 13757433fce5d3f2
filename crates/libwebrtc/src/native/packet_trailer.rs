//! Metadata behind video frames: [`Unsupported::PacketTrailer`].
//!
//! [`Unsupported::PacketTrailer`]: crate::unsupported::Unsupported::PacketTrailer
#![allow(missing_docs)]

use crate::peer_connection_factory::PeerConnectionFactory;
use crate::rtp_receiver::RtpReceiver;
use crate::rtp_sender::RtpSender;
use crate::unsupported::Unsupported;

pub use crate::vocabulary::packet_trailer::*;

pub fn create_sender_handler(
    _peer_factory: &PeerConnectionFactory,
    _sender: &RtpSender,
) -> PacketTrailerHandler {
    Unsupported::PacketTrailer.report();
    PacketTrailerHandler::inert()
}

pub fn create_receiver_handler(
    _peer_factory: &PeerConnectionFactory,
    _receiver: &RtpReceiver,
) -> PacketTrailerHandler {
    Unsupported::PacketTrailer.report();
    PacketTrailerHandler::inert()
}
