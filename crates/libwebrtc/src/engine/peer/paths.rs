//! The paths to the other side: which candidates there are, and which ones carry packets.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::net::{Protocol, TcpType, Transmit};
use str0m::{Candidate, CandidateKind};

use super::Peer;
use crate::engine::clock;
use crate::engine::fallback::Fallback;
use crate::engine::net::interfaces::reachable_addresses;
use crate::engine::net::links::{Links, is_stun};
use crate::engine::net::news::News;
use crate::engine::net::tcp::Ends;
use crate::engine::net::turn_server::{TurnServer, turn_servers};
use crate::vocabulary::configuration::RtcConfiguration;
use crate::vocabulary::ice_candidate::IceCandidate;
use crate::vocabulary::paths::{Path, PathWatch, Paths, Tried};

/// How often this machine's addresses are checked: a call whose address is gone is silent until then.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The port of candidates that only open connections (RFC 6544, section 4.5).
const NO_PORT: u16 = 9;

/// The task's view of its paths.
pub(crate) struct Ways {
    pub(crate) links: Links,
    pub(crate) fallback: Fallback,
    allowed: Paths,
    servers: Vec<TurnServer>,
    watch: Option<Arc<PathWatch>>,
    /// This machine's addresses, including loopback if the other side is there.
    addresses: BTreeSet<IpAddr>,
    /// Our candidates, as they were given to str0m.
    candidates: Vec<Candidate>,
    /// How often the address in use was lost.
    generation: u32,
    /// Whether there is a path to the other side.
    reached: bool,
    /// Our side of the pair that carries media.
    in_use: Option<(Protocol, SocketAddr)>,
    next_look: Option<Instant>,
    /// The other side's ICE session.
    session: Option<String>,
}

impl Ways {
    pub(crate) fn new(configuration: &RtcConfiguration, now: Instant) -> Self {
        Self {
            links: Links::default(),
            fallback: Fallback::default(),
            allowed: configuration.allowed_paths(),
            servers: turn_servers(&configuration.ice_servers),
            watch: configuration.watch.clone(),
            addresses: reachable_addresses(now).into_iter().collect(),
            candidates: Vec::new(),
            generation: 0,
            reached: false,
            in_use: None,
            next_look: Some(now + LOOK_INTERVAL),
            session: None,
        }
    }

    /// When the task has to check its paths next.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.fallback.due(), self.next_look]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether media goes through a relay at this address of ours.
    pub(crate) fn is_relay(&self, address: SocketAddr) -> bool {
        self.links
            .relayed_at()
            .any(|(relayed, _)| relayed == address)
    }

    fn note(&self, change: impl FnOnce(&mut Tried)) {
        if let Some(watch) = &self.watch {
            watch.note(change);
        }
    }
}

impl Peer {
    /// Binds the sockets of the allowed paths.
    pub(crate) fn open_ways(&mut self) {
        if self.ways.allowed.udp {
            let addresses: Vec<IpAddr> = self.ways.addresses.iter().copied().collect();
            self.net.bind(&addresses);
            if self.net.addresses().next().is_none()
                && let Err(error) = self.net.bind_loopback()
            {
                tracing::warn!(%error, "no UDP socket can be bound");
            }
        } else {
            self.ways.fallback.skip();
        }
        if self.ways.addresses.is_empty() {
            self.ways.addresses.insert(Ipv4Addr::LOCALHOST.into());
        }
        self.propose_candidates();
        self.open_others();
    }

    /// Gives str0m those of our candidates that it does not have.
    fn propose_candidates(&mut self) {
        let udp: Vec<SocketAddr> = self.net.addresses().collect();
        for address in udp {
            self.propose(CandidateKind::Host, Protocol::Udp, address);
        }
        if self.ways.fallback.is_open() && self.ways.allowed.tcp {
            for ip in self.ways.addresses.clone() {
                let address = SocketAddr::new(ip, NO_PORT);
                self.propose(CandidateKind::Host, Protocol::Tcp, address);
            }
        }
        let relayed: Vec<_> = self.ways.links.relayed_at().collect();
        for (address, _) in relayed {
            self.propose(CandidateKind::Relayed, Protocol::Udp, address);
        }
        self.drain();
    }

    fn propose(&mut self, kind: CandidateKind, protocol: Protocol, address: SocketAddr) {
        let same = |c: &Candidate| c.kind() == kind && c.proto() == protocol && c.addr() == address;
        if self.ways.candidates.iter().any(same) {
            return;
        }
        let Some(candidate) = candidate(kind, protocol, address, self.ways.generation) else {
            return;
        };
        self.ways.candidates.push(candidate.clone());
        if let Some(candidate) = self.rtc.add_local_candidate(candidate)
            && kind == CandidateKind::Relayed
        {
            // The others are already in the offer, or are of no use to the other side.
            let text = candidate.to_sdp_string();
            if let Ok(trickled) = IceCandidate::parse("0", 0, &text) {
                self.shared.on_ice_candidate.with(|call| call(trickled));
            }
        }
    }

    /// Withdraws candidates of ours.
    fn withdraw(&mut self, is_over: impl Fn(&Candidate) -> bool) {
        let (over, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.ways.candidates)
            .into_iter()
            .partition(is_over);
        self.ways.candidates = kept;
        for candidate in over {
            self.rtc.direct_api().invalidate_candidate(&candidate);
        }
    }

    /// Gives all of our candidates to a new `Rtc`.
    pub(crate) fn propose_again(&mut self) {
        self.ways.candidates.clear();
        self.propose_candidates();
    }

    /// Tries TCP and TURN, if it is time for them.
    fn open_others(&mut self) {
        if !self.ways.fallback.is_open() {
            return;
        }
        if self.ways.allowed.relay {
            for server in &self.ways.servers {
                if self.ways.links.ask(server) {
                    let url = server.url.clone();
                    self.ways.note(|tried| {
                        tried.relays.insert(url, None);
                    });
                }
            }
        }
        self.propose_candidates();
    }

    /// Applies a configuration that was set since the last time.
    pub(crate) fn configure(&mut self) {
        let Some(configuration) = self.shared.take_configuration() else {
            return;
        };
        self.ways.servers = turn_servers(&configuration.ice_servers);
        let allowed = configuration.allowed_paths();
        if allowed != self.ways.allowed {
            self.ways.allowed = allowed;
            if !allowed.udp {
                self.net.keep(|_| false);
                self.ways.fallback.skip();
            }
            if !allowed.tcp {
                self.ways.links.close_streams();
            }
            self.withdraw(|candidate| match (candidate.kind(), candidate.proto()) {
                (CandidateKind::Relayed, _) => !allowed.relay,
                (_, Protocol::Udp) => !allowed.udp,
                _ => !allowed.tcp,
            });
        }
        self.open_others();
    }

    /// The other side's description is about to be applied.
    pub(crate) fn meet(&mut self, sdp: &str) {
        let attributes = sdp
            .lines()
            .filter_map(|line| line.trim().strip_prefix("a="));
        let mut session = None;
        for attribute in attributes {
            if let Some(ufrag) = attribute.strip_prefix("ice-ufrag:") {
                session = session.or(Some(ufrag.to_owned()));
            } else if attribute.starts_with("candidate:")
                && let Ok(candidate) = Candidate::from_sdp_string(attribute)
            {
                self.reach(&candidate);
            }
        }
        if session.is_some() && session != self.ways.session {
            // Its end of a TCP connection belongs to an ICE session.
            self.ways.links.close_streams();
            self.ways.session = session;
        }
    }

    pub(crate) fn is_reached(&self) -> bool {
        self.ways.reached
    }

    /// Looks for a path to the other side, which is now known.
    pub(crate) fn search(&mut self) {
        let now = clock::now();
        self.ways.reached = false;
        self.ways.note(|tried| tried.waits(now));
        self.ways.fallback.searching(now);
    }

    /// There is a path to the other side.
    pub(crate) fn reached(&mut self) {
        self.ways.reached = true;
        self.ways.fallback.found();
        self.ways.note(Tried::reached);
    }

    /// Binds what is needed to reach a candidate.
    pub(crate) fn reach(&mut self, candidate: &Candidate) {
        let (protocol, address) = (candidate.proto(), candidate.addr());
        self.ways.note(|tried| {
            match protocol {
                Protocol::Udp => tried.udp.insert(address),
                _ => tried.tcp.insert(address),
            };
        });
        let ip = address.ip();
        if ip.is_loopback() {
            // Nobody else could use the candidate, so it did not exist before.
            self.ways.addresses.insert(ip);
            if protocol == Protocol::Udp && self.ways.allowed.udp {
                self.net.reach(ip);
            }
            self.propose_candidates();
        }
    }

    /// Checks whether it is time to look at our paths, and then does what is due.
    pub(crate) fn look(&mut self, now: Instant) {
        if self.ways.fallback.advance(now) {
            tracing::debug!("UDP does not answer: TCP and TURN are tried, too");
            self.open_others();
        }
        if self.ways.next_look.is_some_and(|at| at <= now) {
            self.look_at_addresses();
        }
    }

    /// Follows changes of this machine's addresses.
    ///
    /// If the address in use is gone, all sockets are bound again, and the new candidates get a higher priority than
    /// all earlier ones: only then does the other side, whose pair still looks healthy to it, switch to the new one
    /// without an ICE restart.
    pub(crate) fn look_at_addresses(&mut self) {
        let now = clock::now();
        self.ways.next_look = Some(now + LOOK_INTERVAL);
        let present: BTreeSet<IpAddr> = reachable_addresses(now).into_iter().collect();
        let before: BTreeSet<IpAddr> = self.ways.addresses.iter().copied().collect();
        let before: BTreeSet<IpAddr> = before.into_iter().filter(|ip| !ip.is_loopback()).collect();
        // Without any address there is nothing to change to; the old ones may come back.
        if present.is_empty() || present == before {
            return;
        }
        let is_gone = |ip: IpAddr| !ip.is_loopback() && !present.contains(&ip);
        let lost = self.local_in_use().is_some_and(is_gone);
        tracing::info!(
            ?before,
            ?present,
            lost,
            "this machine's addresses have changed"
        );
        let loopback: Vec<IpAddr> = self.ways.addresses.iter().copied().collect();
        self.ways.addresses = present.iter().copied().collect();
        let loopback = loopback.into_iter().filter(IpAddr::is_loopback);
        self.ways.addresses.extend(loopback);
        self.rebind(lost, is_gone);
    }

    /// Binds sockets to the current addresses: to all of them again, or only to new ones.
    fn rebind(&mut self, all: bool, is_gone: impl Fn(IpAddr) -> bool) {
        let left = self.ways.links.leave_from(&is_gone);
        let over = |ip: IpAddr| is_gone(ip) || (all && !ip.is_loopback());
        self.net.keep(|ip| !over(ip));
        if all {
            self.ways.generation += 1;
            self.ways.links.close_streams();
        }
        self.withdraw(|candidate| match candidate.kind() {
            CandidateKind::Relayed => left.iter().any(|(address, _)| *address == candidate.addr()),
            _ => over(candidate.addr().ip()),
        });
        if self.ways.allowed.udp {
            let bound: Vec<IpAddr> = self.net.addresses().map(|address| address.ip()).collect();
            let new: Vec<IpAddr> = self.ways.addresses.iter().copied().collect();
            let new: Vec<IpAddr> = new
                .into_iter()
                .filter(|ip| !bound.contains(ip) && !ip.is_loopback())
                .collect();
            self.net.bind(&new);
        }
        self.propose_candidates();
        self.open_others();
    }

    /// Prepares for an ICE restart: a lost other side is searched for with newly bound sockets, because routers in
    /// between may have forgotten the old ones.
    pub(crate) fn renew_ways(&mut self) {
        self.look_at_addresses();
        if !self.is_connected() {
            let present = self.ways.addresses.clone();
            self.rebind(true, |ip| !present.contains(&ip));
        }
    }

    /// The address of this machine that media leaves from.
    fn local_in_use(&self) -> Option<IpAddr> {
        let (_, source) = self.ways.in_use?;
        let relay = self.ways.links.relayed_at().find(|(at, _)| *at == source);
        Some(relay.map_or(source, |(_, local)| local).ip())
    }

    /// Sends a packet over the path that str0m chose.
    pub(crate) fn transmit(&mut self, transmit: Transmit) {
        let (source, destination) = (transmit.source, transmit.destination);
        if !is_stun(&transmit.contents) && self.ways.in_use != Some((transmit.proto, source)) {
            self.uses(transmit.proto, source);
        }
        if transmit.proto == Protocol::Tcp {
            let ends = Ends {
                source,
                destination,
            };
            let packet = transmit.contents.into();
            self.ways.links.send_over_tcp(ends, packet, clock::now());
            return;
        }
        if self
            .ways
            .links
            .send_relayed(source, destination, &transmit.contents)
        {
            return;
        }
        if !self.net.send(source, destination, &transmit.contents) {
            // Look at once; the next look after that is a whole interval later.
            let soon = clock::now() + LOOK_INTERVAL / 10;
            self.ways.next_look = self.ways.next_look.map(|at| at.min(soon));
        }
    }

    fn uses(&mut self, protocol: Protocol, source: SocketAddr) {
        self.ways.in_use = Some((protocol, source));
        let path = if self.ways.is_relay(source) {
            Path::Relay
        } else if protocol == Protocol::Tcp {
            Path::Tcp
        } else {
            Path::Udp
        };
        tracing::debug!(%path, %source, "media goes this way");
        self.ways.note(|tried| tried.path = Some(path));
    }

    /// Handles news from a TCP connection or a TURN server.
    pub(crate) fn link_news(&mut self, news: News) {
        match news {
            News::Packet {
                protocol,
                source,
                destination,
                data,
            } => self.take_packet(protocol, source, destination, &data),
            News::Relayed {
                relay,
                address,
                local,
            } => {
                self.ways.links.relayed(relay, address, local);
                self.propose_candidates();
            }
            News::NotRelayed { relay, url, reason } => {
                if let Some((address, _)) = self.ways.links.not_relayed(relay) {
                    self.withdraw(|candidate| {
                        candidate.kind() == CandidateKind::Relayed && candidate.addr() == address
                    });
                }
                self.ways.note(|tried| {
                    tried.relays.insert(url, Some(reason));
                });
                self.drain();
            }
        }
    }
}

/// One of our candidates. After the address in use was lost (`generation`), str0m's own priorities, which fall with
/// each candidate, would leave the other side with the dead pair.
fn candidate(
    kind: CandidateKind,
    protocol: Protocol,
    address: SocketAddr,
    generation: u32,
) -> Option<Candidate> {
    let tcp_type = (protocol == Protocol::Tcp).then_some(TcpType::Active);
    let made = match (kind, generation) {
        (_, 1..) => {
            // Above every type preference (at most 126, RFC 8445, section 5.1.2.1), and rising.
            let priority = (127 << 24) | (generation.min(0xffff) << 8) | 255;
            let unset = match address {
                SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
                SocketAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
            };
            let related = (kind == CandidateKind::Relayed).then_some(unset);
            let foundation = format!("{priority:x}{}", address.port());
            Ok(Candidate::from_parts(
                foundation, 1, protocol, priority, address, kind, related, tcp_type, None,
            ))
        }
        (CandidateKind::Relayed, 0) => Candidate::builder().udp().relayed(address, address).build(),
        (_, 0) if protocol == Protocol::Tcp => Candidate::builder()
            .tcp()
            .host(address)
            .tcptype(TcpType::Active)
            .build(),
        (_, 0) => Candidate::host(address, Protocol::Udp),
    };
    made.inspect_err(|error| tracing::debug!(%address, %error, "an address is no candidate"))
        .ok()
}
