//! A connection to one other side.

use std::fmt;
use std::sync::Arc;

use str0m::media::MediaKind;
use tokio::sync::mpsc;

use crate::data_channel::{DataChannel, DataChannelInit};
use crate::engine::data::ChannelState;
use crate::engine::peer::{Command, Peer};
use crate::engine::shared::Shared;
use crate::engine::stats::StatsFilter;
use crate::engine::transceiver::Transceiver;
use crate::ice_candidate::IceCandidate;
use crate::media_stream::MediaStream;
use crate::media_stream_track::MediaStreamTrack;
use crate::peer_connection_factory::{IceTransportsType, RtcConfiguration};
use crate::rtp_receiver::RtpReceiver;
use crate::rtp_sender::RtpSender;
use crate::rtp_transceiver::{RtpTransceiver, RtpTransceiverDirection, RtpTransceiverInit};
use crate::session_description::SessionDescription;
use crate::stats::RtcStats;
use crate::unsupported::Unsupported;
use crate::{MediaType, RtcError};

/// The state of the whole connection.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum PeerConnectionState {
    /// Nothing has happened yet.
    New,
    /// ICE or DTLS is under way.
    Connecting,
    /// Media and data can flow.
    Connected,
    /// The other side has not been heard for a while.
    Disconnected,
    /// It has not been heard for so long that an ICE restart is needed.
    Failed,
    /// Closed for good.
    Closed,
}

/// The state of ICE.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IceConnectionState {
    New,
    Checking,
    Connected,
    Completed,
    Failed,
    Disconnected,
    Closed,
    Max,
}

/// The state of candidate gathering.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IceGatheringState {
    New,
    Gathering,
    Complete,
}

/// The state of the exchange of offers and answers.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SignalingState {
    Stable,
    HaveLocalOffer,
    HaveLocalPrAnswer,
    HaveRemoteOffer,
    HaveRemotePrAnswer,
    Closed,
}

/// How an offer is made.
#[derive(Debug, Clone, Default)]
pub struct OfferOptions {
    /// Find a new path to the other side.
    pub ice_restart: bool,
    /// Not used: add a transceiver instead.
    pub offer_to_receive_audio: bool,
    /// Not used: add a transceiver instead.
    pub offer_to_receive_video: bool,
}

/// How an answer is made.
#[derive(Debug, Clone, Default)]
pub struct AnswerOptions {}

/// Send bitrate limits of a whole connection, in bits a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BitrateSettings {
    /// At least this.
    pub min_bitrate_bps: Option<u64>,
    /// At first this.
    pub start_bitrate_bps: Option<u64>,
    /// At most this.
    pub max_bitrate_bps: Option<u64>,
}

/// Why gathering from a server failed.
#[derive(Debug, Clone)]
pub struct IceCandidateError {
    /// Our address.
    pub address: String,
    /// Our port.
    pub port: i32,
    /// The server.
    pub url: String,
    /// Its answer's code.
    pub error_code: i32,
    /// Its answer's text.
    pub error_text: String,
}

/// A track of the other side has come.
#[derive(Debug, Clone)]
pub struct TrackEvent {
    /// The receiving half it came to.
    pub receiver: RtpReceiver,
    /// The streams it belongs to.
    pub streams: Vec<MediaStream>,
    /// The track.
    pub track: MediaStreamTrack,
    /// The section it came in.
    pub transceiver: RtpTransceiver,
}

/// Called when the connection's state changes.
pub type OnConnectionChange = Box<dyn FnMut(PeerConnectionState) + Send + Sync>;
/// Called when the other side opens a data channel.
pub type OnDataChannel = Box<dyn FnMut(DataChannel) + Send + Sync>;
/// Called with a candidate to signal; ours are in the descriptions already.
pub type OnIceCandidate = Box<dyn FnMut(IceCandidate) + Send + Sync>;
/// Called when gathering fails.
pub type OnIceCandidateError = Box<dyn FnMut(IceCandidateError) + Send + Sync>;
/// Called when the state of ICE changes.
pub type OnIceConnectionChange = Box<dyn FnMut(IceConnectionState) + Send + Sync>;
/// Called when the state of gathering changes.
pub type OnIceGatheringChange = Box<dyn FnMut(IceGatheringState) + Send + Sync>;
/// Called when an offer is due; livekit decides that itself.
pub type OnNegotiationNeeded = Box<dyn FnMut(u32) + Send + Sync>;
/// Called when the signalling state changes.
pub type OnSignalingChange = Box<dyn FnMut(SignalingState) + Send + Sync>;
/// Called when a track of the other side comes, before the
/// `set_remote_description` that brought it returns.
pub type OnTrack = Box<dyn FnMut(TrackEvent) + Send + Sync>;

/// A connection. Clones are the same connection; it closes with the last one.
#[derive(Clone)]
pub struct PeerConnection {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl PeerConnection {
    pub(crate) fn new(config: RtcConfiguration) -> Result<Self, RtcError> {
        check(&config)?;
        let shared = Arc::new(Shared::default());
        let commands = Peer::spawn(shared.clone())?;
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

    /// Checks a configuration; none of what may change after creation applies
    /// to host candidates.
    ///
    /// # Errors
    /// When it asks for what is not supported, or the connection is closed.
    pub fn set_configuration(&self, config: RtcConfiguration) -> Result<(), RtcError> {
        self.ensure_open()?;
        check(&config)
    }

    /// Not applied: see [`Unsupported::ConnectionBitrate`].
    ///
    /// # Errors
    /// Always.
    pub fn set_bitrate(&self, _settings: BitrateSettings) -> Result<(), RtcError> {
        self.ensure_open()?;
        Err(Unsupported::ConnectionBitrate.error())
    }

    /// Makes an offer of all that is wanted now.
    ///
    /// # Errors
    /// When an offer of the other side waits, there is nothing to offer, or
    /// the connection is closed.
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

    /// The answer to the offer set last.
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
    /// When it is not the one made last, or the connection is closed.
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

    /// Adds a candidate of the other side. One that cannot be used is skipped.
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
        let wake = self.shared().wake.clone();
        let state = Arc::new(ChannelState::new(label.to_owned(), init, wake));
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

    /// Stops sending a track. The other side learns of it by the next offer.
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

    /// Sends a track in a section of its own.
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
        let inner = self
            .shared()
            .add_transceiver(|index| Transceiver::new(index, kind, track, init, commands));
        Ok(RtpTransceiver { inner })
    }

    /// Closes the connection: at once for its handles, and with a goodbye to
    /// the other side soon after.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Asks for an ICE restart in the next offer.
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

    /// Complete from the start: host candidates are there before the first offer.
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

    /// Sets or clears the callback for the connection's state.
    pub fn on_connection_state_change(&self, f: Option<OnConnectionChange>) {
        self.shared().on_connection.set(f);
    }

    /// Sets or clears the callback for new data channels.
    pub fn on_data_channel(&self, f: Option<OnDataChannel>) {
        self.shared().on_data_channel.set(f);
    }

    /// Sets or clears the callback for candidates.
    pub fn on_ice_candidate(&self, f: Option<OnIceCandidate>) {
        self.shared().on_ice_candidate.set(f);
    }

    /// Sets or clears the callback for failures of gathering.
    pub fn on_ice_candidate_error(&self, f: Option<OnIceCandidateError>) {
        self.shared().on_ice_candidate_error.set(f);
    }

    /// Sets or clears the callback for the state of ICE.
    pub fn on_ice_connection_state_change(&self, f: Option<OnIceConnectionChange>) {
        self.shared().on_ice_connection.set(f);
    }

    /// Sets or clears the callback for the state of gathering.
    pub fn on_ice_gathering_state_change(&self, f: Option<OnIceGatheringChange>) {
        self.shared().on_ice_gathering.set(f);
    }

    /// Sets or clears the callback for offers that are due.
    pub fn on_negotiation_needed(&self, f: Option<OnNegotiationNeeded>) {
        self.shared().on_negotiation_needed.set(f);
    }

    /// Sets or clears the callback for the signalling state.
    pub fn on_signaling_state_change(&self, f: Option<OnSignalingChange>) {
        self.shared().on_signaling.set(f);
    }

    /// Sets or clears the callback for new tracks.
    pub fn on_track(&self, f: Option<OnTrack>) {
        self.shared().on_track.set(f);
    }
}

fn check(config: &RtcConfiguration) -> Result<(), RtcError> {
    if config.ice_transport_type != IceTransportsType::All {
        return Err(Unsupported::RelayOnly.error());
    }
    if !config.ice_servers.is_empty() {
        tracing::debug!("{}", Unsupported::IceServers);
    }
    Ok(())
}

impl fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerConnection")
            .field("state", &self.connection_state())
            .field("ice_state", &self.ice_connection_state())
            .finish()
    }
}
