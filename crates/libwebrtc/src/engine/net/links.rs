//! The parts of a peer connection that have their own tasks: TCP connections to the other side, and TURN servers.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::news::{News, RelayId};
use super::relay;
use super::tcp::{self, Ends};
use super::turn_server::TurnServer;

/// Packets that wait for a link. When it is full more are lost, as with UDP: late speech is worse than none.
const OUTGOING: usize = 128;
/// News of all links that wait for the peer's task; when it is full the links wait.
const NEWS: usize = 256;
/// A broken link is not reopened sooner than this.
const PAUSE: Duration = Duration::from_millis(250);

/// A TURN server that was asked to relay, or does.
struct Relay {
    url: String,
    /// Its relayed address and our local one, once it relays.
    at: Option<(SocketAddr, SocketAddr)>,
    outgoing: mpsc::Sender<relay::Outgoing>,
}

struct Stream {
    outgoing: mpsc::Sender<Vec<u8>>,
    opened: Instant,
}

/// The tasks end by themselves when this is dropped.
pub(crate) struct Links {
    streams: HashMap<Ends, Stream>,
    relays: HashMap<RelayId, Relay>,
    next_relay: u64,
    to_peer: mpsc::Sender<News>,
    pub(crate) news: mpsc::Receiver<News>,
}

impl Default for Links {
    fn default() -> Self {
        let (to_peer, news) = mpsc::channel(NEWS);
        Self {
            streams: HashMap::new(),
            relays: HashMap::new(),
            next_relay: 0,
            to_peer,
            news,
        }
    }
}

impl Links {
    /// Sends a packet over TCP, opening a connection if there is none.
    pub(crate) fn send_over_tcp(&mut self, ends: Ends, packet: Vec<u8>, now: Instant) {
        let known = self.streams.get(&ends);
        let open = known.is_some_and(|stream| !stream.outgoing.is_closed());
        if !open {
            // The first packet tells the other side which connection this is, so it must be STUN.
            let soon = known.is_some_and(|stream| now < stream.opened + PAUSE);
            if soon || !is_stun(&packet) {
                return;
            }
            let (outgoing, packets) = mpsc::channel(OUTGOING);
            tokio::spawn(tcp::run(ends, packets, self.to_peer.clone()));
            let opened = now;
            self.streams.insert(ends, Stream { outgoing, opened });
        }
        if let Some(stream) = self.streams.get(&ends)
            && stream.outgoing.try_send(packet).is_err()
        {
            tracing::trace!(?ends, "a packet was dropped before TCP");
        }
    }

    /// Closes all TCP connections: the other side has restarted and no longer knows them.
    pub(crate) fn close_streams(&mut self) {
        self.streams.clear();
    }

    /// Asks a TURN server to relay. Returns `false` if it was asked before.
    pub(crate) fn ask(&mut self, server: &TurnServer) -> bool {
        let asked = |relay: &Relay| relay.url == server.url && !relay.outgoing.is_closed();
        if self.relays.values().any(asked) {
            return false;
        }
        let id = RelayId(self.next_relay);
        self.next_relay += 1;
        let (outgoing, packets) = mpsc::channel(OUTGOING);
        let news = self.to_peer.clone();
        tokio::spawn(relay::run(id, server.clone(), packets, news));
        let relay = Relay {
            url: server.url.clone(),
            at: None,
            outgoing,
        };
        self.relays.insert(id, relay);
        true
    }

    /// A TURN server relays from now on.
    pub(crate) fn relayed(&mut self, id: RelayId, address: SocketAddr, local: SocketAddr) {
        if let Some(relay) = self.relays.get_mut(&id) {
            relay.at = Some((address, local));
        }
    }

    /// A TURN server no longer relays. Returns its relayed address and our local one.
    pub(crate) fn not_relayed(&mut self, id: RelayId) -> Option<(SocketAddr, SocketAddr)> {
        self.relays.remove(&id)?.at
    }

    /// Leaves the TURN servers that are reached from an address that is gone. Returns their relayed addresses and our
    /// local ones.
    pub(crate) fn leave_from(
        &mut self,
        is_gone: impl Fn(IpAddr) -> bool,
    ) -> Vec<(SocketAddr, SocketAddr)> {
        let mut left = Vec::new();
        self.relays.retain(|_, relay| {
            let gone = relay.at.filter(|(_, local)| is_gone(local.ip()));
            left.extend(gone);
            gone.is_none()
        });
        left
    }

    /// The relayed addresses and our local ones.
    pub(crate) fn relayed_at(&self) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        self.relays.values().filter_map(|relay| relay.at)
    }

    /// Sends a packet from a relayed address. Returns `false` if that is not one of ours.
    pub(crate) fn send_relayed(&self, source: SocketAddr, to: SocketAddr, packet: &[u8]) -> bool {
        let from = |relay: &&Relay| relay.at.is_some_and(|(address, _)| address == source);
        let Some(relay) = self.relays.values().find(from) else {
            return false;
        };
        let packet = packet.to_vec();
        if relay
            .outgoing
            .try_send(relay::Outgoing { to, packet })
            .is_err()
        {
            tracing::trace!(%source, "a packet was dropped before a relay");
        }
        true
    }
}

/// The first byte distinguishes STUN from DTLS and RTP (RFC 7983).
pub(crate) fn is_stun(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| *first < 4)
}
