//! The single task that owns a connection's `Rtc` and sockets.
//!
//! [`Peer`] is one type in six files: its loop is here, and next to it are channels, media, negotiation, paths and
//! statistics.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use str0m::change::SdpPendingOffer;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::clock;
use super::command::Command;
use super::liveness::Liveness;
use super::net::{Arrived, Net};
use super::shared::Shared;
use crate::vocabulary::configuration::RtcConfiguration;
use crate::vocabulary::error::RtcError;
use crate::vocabulary::session_description::SessionDescription;
use crate::vocabulary::states::PeerConnectionState;
use channels::Channels;
use media::Media;
use paths::Ways;
use stats::StatsBook;

mod channels;
mod media;
mod negotiate;
mod paths;
mod stats;

/// Most commands waiting; beyond that senders wait.
const COMMANDS: usize = 64;
/// Datagrams handled at once before other work gets its turn.
const BATCH: usize = 32;
/// How often counters are gathered for `get_stats`.
const STATS_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time between two checks of a pair. With str0m's own 3 s and nine unanswered checks, a dead path is
/// noticed after 21 s.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Unanswered checks after which a pair is given up: after 5.5 s.
const CHECKS: usize = 6;

pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) net: Net,
    pub(crate) ways: Ways,
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::WeakSender<Command>,
    pub(crate) channels: Channels,
    pub(crate) media: Media,
    pub(crate) stats: StatsBook,
    /// The offer that waits for its answer.
    pub(crate) pending: Option<SdpPendingOffer>,
    /// The last offer was made without any change, so its answer changes nothing.
    pub(crate) unchanged_offer: bool,
    /// The answer to the offer applied last.
    pub(crate) answer: Option<SessionDescription>,
    /// The description that is set but not yet in force.
    pub(crate) proposed: Option<SessionDescription>,
    /// Whether an offer has ever been answered.
    pub(crate) negotiated: bool,
    pub(crate) sctp_negotiated: bool,
    timeout: Instant,
    liveness: Liveness,
}

impl Peer {
    /// Starts the task of a new connection, on the caller's runtime if there is one.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(crate) fn spawn(
        shared: Arc<Shared>,
        configuration: RtcConfiguration,
    ) -> Result<mpsc::Sender<Command>, RtcError> {
        let runtime = runtime()?;
        let _entered = runtime.enter();
        let (sender, receiver) = mpsc::channel(COMMANDS);
        let now = clock::now();
        let mut peer = Self {
            rtc: build_rtc(now),
            net: Net::closed(),
            ways: Ways::new(&configuration, now),
            shared,
            commands: sender.downgrade(),
            channels: Channels::default(),
            media: Media::new(configuration.only_encrypted),
            stats: StatsBook::default(),
            pending: None,
            unchanged_offer: false,
            answer: None,
            proposed: None,
            negotiated: false,
            sctp_negotiated: false,
            timeout: now,
            liveness: Liveness::default(),
        };
        peer.open_ways();
        tokio::spawn(peer.run(receiver));
        Ok(sender)
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut sleep: Pin<Box<Sleep>> = Box::pin(tokio::time::sleep_until(self.timeout.into()));
        let shared = self.shared.clone();
        self.drain();
        while !shared.is_closing() {
            self.configure();
            self.service_channels();
            let others = [self.liveness.due(), self.ways.due()];
            let due = others
                .into_iter()
                .flatten()
                .fold(self.timeout, Instant::min);
            if sleep.deadline() != due.into() {
                sleep.as_mut().reset(due.into());
            }
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    // The last handle is gone.
                    None => break,
                },
                () = shared.wake.notified() => {}
                packet = self.media.outgoing.recv() => self.send_packet(packet),
                arrived = self.net.receive() => self.receive_batch(arrived),
                Some(news) = self.ways.links.news.recv() => self.link_news(news),
                () = sleep.as_mut() => self.advance(),
            }
        }
        self.shut_down();
    }

    fn obey(&mut self, command: Command) {
        self.configure();
        // A caller that is gone needs no answer.
        match command {
            Command::CreateOffer { ice_restart, reply } => {
                let _ = reply.send(self.create_offer(ice_restart));
            }
            Command::CreateAnswer { reply } => {
                let _ = reply.send(self.create_answer());
            }
            Command::SetLocal { description, reply } => {
                let _ = reply.send(self.set_local(description));
            }
            Command::SetRemote { description, reply } => {
                let _ = reply.send(self.set_remote(&description));
            }
            Command::AddCandidate { candidate, reply } => {
                self.add_candidate(&candidate.candidate());
                let _ = reply.send(Ok(()));
            }
            Command::GetStats { filter, reply } => {
                let _ = reply.send(Ok(self.report(&filter)));
            }
        }
        self.drain();
    }

    /// Adds a candidate of the other side; an unusable one is skipped.
    pub(crate) fn add_candidate(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return; // the end of candidates
        }
        match Candidate::from_sdp_string(text) {
            Ok(candidate) => {
                self.reach(&candidate);
                self.rtc.add_remote_candidate(candidate);
                self.drain();
            }
            Err(error) => tracing::debug!(text, %error, "a candidate was skipped"),
        }
    }

    /// Starts again with an `Rtc` that has negotiated nothing.
    pub(crate) fn replace_rtc(&mut self) {
        self.rtc = build_rtc(clock::now());
        self.channels.forget_ids();
        self.pending = None;
        self.propose_again();
    }

    fn receive_batch(&mut self, first: Arrived) {
        self.take_datagram(first);
        for _ in 1..BATCH {
            let Some(arrived) = self.net.try_receive() else {
                break;
            };
            self.take_datagram(arrived);
        }
    }

    fn take_datagram(&mut self, arrived: Arrived) {
        let datagram = self.net.datagram(arrived.length);
        let input = Receive::new(Protocol::Udp, arrived.source, arrived.destination, datagram);
        // Anything but STUN, DTLS or RTP is not for us.
        if let Ok(receive) = input {
            let now = clock::now();
            let handled = self.rtc.handle_input(Input::Receive(now, receive));
            self.arrived(handled, now);
        }
    }

    /// Like [`Peer::take_datagram`], for packets that did not arrive on one of our sockets.
    fn take_packet(
        &mut self,
        protocol: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        packet: &[u8],
    ) {
        if let Ok(receive) = Receive::new(protocol, source, destination, packet) {
            let now = clock::now();
            let handled = self.rtc.handle_input(Input::Receive(now, receive));
            self.arrived(handled, now);
        }
    }

    fn arrived(&mut self, handled: Result<(), str0m::RtcError>, now: Instant) {
        if self.liveness.heard(now) {
            self.tell_liveness();
        }
        self.check(handled);
        self.drain();
    }

    /// Whether the other side is there.
    fn is_connected(&self) -> bool {
        self.liveness.connection() == PeerConnectionState::Connected
    }

    /// Advances the time.
    pub(crate) fn advance(&mut self) {
        let now = clock::now();
        let handled = self.rtc.handle_input(Input::Timeout(now));
        self.check(handled);
        self.drain();
        self.look(now);
        let before = self.liveness.connection();
        if self.liveness.advance(now) {
            self.fail("the other side cannot be reached");
        } else if self.liveness.connection() != before {
            self.tell_liveness();
        }
    }

    fn check(&mut self, handled: Result<(), str0m::RtcError>) {
        if let Err(error) = handled {
            self.fail(&error.to_string());
        }
    }

    fn fail(&mut self, reason: &str) {
        tracing::info!(reason, "the peer connection failed");
        self.liveness.fail();
        self.tell_liveness();
    }

    fn tell_liveness(&self) {
        self.shared.set_ice(self.liveness.ice());
        self.shared.set_connection(self.liveness.connection());
    }

    /// Carries out everything that str0m wants done. Due after each change to it.
    pub(crate) fn drain(&mut self) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.timeout = at;
                    return;
                }
                Ok(Output::Transmit(transmit)) => self.transmit(transmit),
                Ok(Output::Event(event)) => self.on_event(event),
                Err(error) => {
                    self.timeout = clock::now() + STATS_INTERVAL;
                    return self.fail(&error.to_string());
                }
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.liveness.connected();
                self.tell_liveness();
            }
            Event::IceConnectionStateChange(state) => {
                let secured = self.rtc.is_connected();
                self.liveness.ice_changed(state, secured, clock::now());
                if state.is_connected() {
                    self.reached();
                } else if self.negotiated {
                    self.search();
                }
                self.tell_liveness();
            }
            Event::ChannelOpen(id, label) => self.channel_opened(id, label),
            Event::ChannelData(data) => self.channel_data(data.id, data.binary, &data.data),
            Event::ChannelClose(id) => self.channel_closed(id),
            Event::RtpPacket(packet) => self.receive_packet(packet),
            Event::PeerStats(stats) => self.stats.peer = Some(stats),
            Event::MediaIngressStats(stats) => self.stats.ingress(stats),
            Event::MediaEgressStats(stats) => self.on_egress_stats(stats),
            Event::Closed => {
                self.liveness.said_goodbye(clock::now());
                self.tell_liveness();
            }
            _ => {}
        }
    }

    /// Closes the connection properly and ends everything that depends on it.
    fn shut_down(&mut self) {
        self.shared.close();
        for transceiver in self.shared.transceivers() {
            transceiver.close();
        }
        self.close_channels();
        self.shared.clear_callbacks();
        if self.rtc.close().is_ok() {
            self.drain();
        }
    }
}

/// The caller's runtime, or a thread of our own, started once: creating a connection is not async in this interface, so
/// a caller may have none.
fn runtime() -> Result<Handle, RtcError> {
    static OWN: OnceLock<Option<Runtime>> = OnceLock::new();
    if let Ok(current) = Handle::try_current() {
        return Ok(current);
    }
    let start = || {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .ok()
    };
    let own = OWN.get_or_init(start).as_ref();
    own.map(|runtime| runtime.handle().clone())
        .ok_or_else(|| RtcError::internal("no thread can be started for the peer connection"))
}

fn build_rtc(now: Instant) -> Rtc {
    let mut config = RtcConfig::new()
        .set_rtp_mode(true)
        .enable_opus(true, false)
        .set_stats_interval(Some(STATS_INTERVAL));
    config.set_max_stun_rto(CHECK_INTERVAL);
    config.set_max_stun_retransmits(CHECKS);
    config.build(now)
}
