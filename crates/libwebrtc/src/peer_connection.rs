//! A connection to one remote peer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use str0m::media::MediaKind;
use tokio::sync::mpsc;

use crate::data_channel::DataChannel;
use crate::engine::channel::ChannelState;
use crate::engine::command::{Command, StatsFilter};
use crate::engine::peer::Peer;
use crate::engine::shared::Shared;
use crate::engine::transceiver::Transceiver;
use crate::media_stream_track::MediaStreamTrack;
use crate::rtp_receiver::RtpReceiver;
use crate::rtp_sender::RtpSender;
use crate::rtp_transceiver::RtpTransceiver;
use crate::unsupported::Unsupported;
use crate::vocabulary::configuration::RtcConfiguration;
use crate::vocabulary::data_channel::DataChannelInit;
use crate::vocabulary::error::RtcError;
use crate::vocabulary::ice_candidate::IceCandidate;
use crate::vocabulary::media::{MediaType, RtpTransceiverDirection};
use crate::vocabulary::session_description::SessionDescription;
use crate::vocabulary::stats::RtcStats;
use crate::vocabulary::transceiver::RtpTransceiverInit;

mod callbacks;
mod events;
mod options;

pub use crate::vocabulary::gathering::IceCandidateError;
pub use crate::vocabulary::states::*;
pub use events::*;
pub use options::*;

/// A connection. Clones are the same connection; it closes with the last one.
#[derive(Clone)]
pub struct PeerConnection {
    handle: Arc<Handle>,
}

/// See [`held`].
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Connections that somebody in this process holds, including closed ones; for tests that look for leaks.
pub fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

struct Handle {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
        self.shared.close();
    }
}

impl PeerConnection {
    pub(crate) fn new(config: RtcConfiguration) -> Result<Self, RtcError> {
        let shared = Arc::new(Shared::new(config.doors));
        let commands = Peer::spawn(shared.clone(), config)?;
        HELD.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            handle: Arc::new(Handle { shared, commands }),
        })
    }

    fn shared(&self) -> &Shared {
        &self.handle.shared
    }

    fn ensure_open(&self) -> Result<(), RtcError> {
        if self.shared().is_closing() {
            Err(RtcError::closed())
        } else {
            Ok(())
        }
    }

    /// Changes the servers and paths that may be used, from now on.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn set_configuration(&self, config: RtcConfiguration) -> Result<(), RtcError> {
        self.ensure_open()?;
        self.shared().configure(config);
        Ok(())
    }

    /// Not applied: see [`Unsupported::ConnectionBitrate`].
    ///
    /// # Errors
    /// Always.
    pub fn set_bitrate(&self, _settings: BitrateSettings) -> Result<(), RtcError> {
        self.ensure_open()?;
        Err(Unsupported::ConnectionBitrate.error())
    }

    /// Makes an offer of everything that is currently wanted.
    ///
    /// # Errors
    /// When an offer of the other side is waiting, there is nothing to offer, or the connection is closed.
    pub async fn create_offer(
        &self,
        options: OfferOptions,
    ) -> Result<SessionDescription, RtcError> {
        let ice_restart = options.ice_restart;
        Command::ask(&self.handle.commands, |reply| Command::CreateOffer {
            ice_restart,
            reply,
        })
        .await
    }

    /// The answer to the last offer set.
    ///
    /// # Errors
    /// When there is none, or the connection is closed.
    pub async fn create_answer(&self, _: AnswerOptions) -> Result<SessionDescription, RtcError> {
        Command::ask(&self.handle.commands, |reply| Command::CreateAnswer {
            reply,
        })
        .await
    }

    /// Commits to a description made by this connection.
    ///
    /// # Errors
    /// When it is not the last one made, or the connection is closed.
    pub async fn set_local_description(&self, desc: SessionDescription) -> Result<(), RtcError> {
        Command::ask(&self.handle.commands, |reply| Command::SetLocal {
            description: desc,
            reply,
        })
        .await
    }

    /// Applies a description of the other side.
    ///
    /// # Errors
    /// When it does not parse or fit, or the connection is closed.
    pub async fn set_remote_description(&self, desc: SessionDescription) -> Result<(), RtcError> {
        Command::ask(&self.handle.commands, |reply| Command::SetRemote {
            description: desc,
            reply,
        })
        .await
    }

    /// Adds a candidate of the other side. An unusable one is skipped.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn add_ice_candidate(&self, candidate: IceCandidate) -> Result<(), RtcError> {
        Command::ask(&self.handle.commands, |reply| Command::AddCandidate {
            candidate,
            reply,
        })
        .await
    }

    /// Creates a data channel.
    ///
    /// # Errors
    /// When a negotiated channel has no valid id, or the connection is closed.
    pub fn create_data_channel(
        &self,
        label: &str,
        init: DataChannelInit,
    ) -> Result<DataChannel, RtcError> {
        self.ensure_open()?;
        if init.negotiated && !(0..=65_534).contains(&init.id) {
            return Err(RtcError::invalid_state(
                "a negotiated channel needs an id of 0 to 65534",
            ));
        }
        let (wake, doors) = (self.shared().wake.clone(), self.shared().doors);
        let state = Arc::new(ChannelState::new(label.to_owned(), init, wake, doors));
        self.shared().add_channel(state.clone());
        Ok(DataChannel { state })
    }

    /// Sends a track, in both directions of a new section.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn add_track<T: AsRef<str>>(
        &self,
        track: MediaStreamTrack,
        streams_ids: &[T],
    ) -> Result<RtpSender, RtcError> {
        let init = RtpTransceiverInit {
            direction: RtpTransceiverDirection::SendRecv,
            stream_ids: streams_ids
                .iter()
                .map(|id| id.as_ref().to_owned())
                .collect(),
            send_encodings: Vec::new(),
        };
        Ok(self.add_transceiver(track, init)?.sender())
    }

    /// Stops sending a track. The other side learns about it from the next offer.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn remove_track(&self, sender: RtpSender) -> Result<(), RtcError> {
        self.ensure_open()?;
        sender.inner.clear_sender_track();
        Ok(())
    }

    /// Statistics of everything.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn get_stats(&self) -> Result<Vec<RtcStats>, RtcError> {
        let filter = StatsFilter::All;
        Command::ask(&self.handle.commands, |reply| Command::GetStats {
            filter,
            reply,
        })
        .await
    }

    /// Sends a track in its own section.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn add_transceiver(
        &self,
        track: MediaStreamTrack,
        init: RtpTransceiverInit,
    ) -> Result<RtpTransceiver, RtcError> {
        let kind = match &track {
            MediaStreamTrack::Audio(_) => MediaKind::Audio,
            MediaStreamTrack::Video(_) => MediaKind::Video,
        };
        self.push_transceiver(kind, Some(track), init)
    }

    /// Adds a section without a track of ours.
    ///
    /// # Errors
    /// For a type that is neither audio nor video, or when the connection is closed.
    pub fn add_transceiver_for_media(
        &self,
        media_type: MediaType,
        init: RtpTransceiverInit,
    ) -> Result<RtpTransceiver, RtcError> {
        let kind = match media_type {
            MediaType::Audio => MediaKind::Audio,
            MediaType::Video => MediaKind::Video,
            MediaType::Data | MediaType::Unsupported => {
                return Err(RtcError::invalid_state(
                    "a transceiver is for audio or video",
                ));
            }
        };
        self.push_transceiver(kind, None, init)
    }

    fn push_transceiver(
        &self,
        kind: MediaKind,
        track: Option<MediaStreamTrack>,
        init: RtpTransceiverInit,
    ) -> Result<RtpTransceiver, RtcError> {
        self.ensure_open()?;
        let commands = self.handle.commands.downgrade();
        let inner = self.shared().add_transceiver(|index| {
            Transceiver::new(index, kind, track.map(Into::into), init, commands)
        });
        Ok(RtpTransceiver { inner })
    }

    /// Closes the connection: at once for its handles, and shortly afterwards with a close message to the other side.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Requests an ICE restart in the next offer.
    pub fn restart_ice(&self) {
        self.shared().restart_ice();
    }

    /// The state of the whole connection.
    pub fn connection_state(&self) -> PeerConnectionState {
        self.shared().connection()
    }

    /// The state of ICE.
    pub fn ice_connection_state(&self) -> IceConnectionState {
        self.shared().ice()
    }

    /// Complete from the start: host candidates exist before the first offer, and relays, which are trickled, are only
    /// requested if UDP does not answer.
    pub fn ice_gathering_state(&self) -> IceGatheringState {
        IceGatheringState::Complete
    }

    /// The state of the exchange of offers and answers.
    pub fn signaling_state(&self) -> SignalingState {
        self.shared().signaling()
    }

    /// Our description in force.
    pub fn current_local_description(&self) -> Option<SessionDescription> {
        self.shared().local()
    }

    /// The other side's description in force.
    pub fn current_remote_description(&self) -> Option<SessionDescription> {
        self.shared().remote()
    }

    /// The sending halves of all sections.
    pub fn senders(&self) -> Vec<RtpSender> {
        self.shared()
            .transceivers()
            .into_iter()
            .map(|inner| RtpSender { inner })
            .collect()
    }

    /// The receiving halves of all sections.
    pub fn receivers(&self) -> Vec<RtpReceiver> {
        self.shared()
            .transceivers()
            .into_iter()
            .map(|inner| RtpReceiver { inner })
            .collect()
    }

    /// All sections.
    pub fn transceivers(&self) -> Vec<RtpTransceiver> {
        self.shared()
            .transceivers()
            .into_iter()
            .map(|inner| RtpTransceiver { inner })
            .collect()
    }
}

impl fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerConnection")
            .field("state", &self.connection_state())
            .field("ice_state", &self.ice_connection_state())
            .finish()
    }
}
