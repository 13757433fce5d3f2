//! One allocation at a TURN server (RFC 8656): turn-client-proto implements the protocol, sockets and time are ours.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use str0m::net::Protocol;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use turn_client_proto::api::{SendError, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::client::TurnClient;
use turn_client_proto::prelude::{DelayedTransmitBuild as _, TurnClientApi as _};
use turn_client_proto::stun::agent::Transmit;
use turn_client_proto::tcp::TurnClientTcp;
use turn_client_proto::types::{
    AddressFamily, Instant as TurnInstant, TransportType, TurnCredentials,
};
use turn_client_proto::udp::TurnClientUdp;

use super::news::{News, RelayId};
use super::turn_server::TurnServer;
use crate::engine::clock;
use wire::Wire;

mod wire;

/// Time to reach a server, including TLS.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Time to get an address from it.
const ALLOCATE_DEADLINE: Duration = Duration::from_secs(5);
/// Packets that wait for the server's permission to send to their destination; older ones are dropped, and ICE sends
/// them again.
const HELD: usize = 16;
/// The largest UDP payload.
const LARGEST: usize = 65_535;

/// A packet for the other side.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: SocketAddr,
    pub(crate) packet: Vec<u8>,
}

/// Requests an address and relays until the peer stops or the server gives up; then reports why.
pub(crate) async fn run(
    relay: RelayId,
    server: TurnServer,
    outgoing: mpsc::Receiver<Outgoing>,
    news: mpsc::Sender<News>,
) {
    let url = server.url.clone();
    if let Err(error) = allocate(relay, server, outgoing, &news).await {
        let reason = error.to_string();
        tracing::info!(url, reason, "a TURN server does not relay");
        let ended = News::NotRelayed { relay, url, reason };
        // Nobody listens any more if this fails.
        let _ = news.send(ended).await;
    }
}

async fn allocate(
    relay: RelayId,
    server: TurnServer,
    outgoing: mpsc::Receiver<Outgoing>,
    news: &mpsc::Sender<News>,
) -> io::Result<()> {
    let (wire, local, remote) = timeout(CONNECT_DEADLINE, Wire::connect(&server))
        .await
        .map_err(|_| io::Error::other("it cannot be reached"))??;
    let credentials = TurnCredentials::new(&server.username, &server.password);
    let mut config = TurnConfig::new(credentials);
    config.set_address_family(match remote {
        SocketAddr::V4(_) => AddressFamily::IPV4,
        SocketAddr::V6(_) => AddressFamily::IPV6,
    });
    let client = match wire {
        Wire::Datagrams(_) => TurnClientUdp::allocate(local, remote, config).into(),
        Wire::Stream { .. } => TurnClientTcp::allocate(local, remote, config).into(),
    };
    let begin = clock::now();
    let session = Session {
        relay,
        url: server.url,
        client,
        wire,
        local,
        remote,
        begin,
        allocate_by: Some(begin + ALLOCATE_DEADLINE),
        relayed: None,
        held: VecDeque::new(),
        news,
    };
    session.run(outgoing).await
}

struct Session<'a> {
    relay: RelayId,
    url: String,
    client: TurnClient,
    wire: Wire,
    local: SocketAddr,
    remote: SocketAddr,
    /// The origin of the protocol's time.
    begin: Instant,
    allocate_by: Option<Instant>,
    relayed: Option<SocketAddr>,
    held: VecDeque<Outgoing>,
    news: &'a mpsc::Sender<News>,
}

impl Session<'_> {
    async fn run(mut self, mut outgoing: mpsc::Receiver<Outgoing>) -> io::Result<()> {
        let mut buffer = vec![0; LARGEST];
        loop {
            let due = self.settle().await?;
            tokio::select! {
                packet = outgoing.recv() => match packet {
                    Some(packet) => self.send(packet).await?,
                    None => {
                        // Nobody waits for the outcome.
                        let _ = self.leave().await;
                        return Ok(());
                    }
                },
                length = self.wire.receive(&mut buffer) => self.received(&buffer[..length?]).await?,
                () = sleep_until(due.into()) => {}
            }
        }
    }

    fn now(&self) -> TurnInstant {
        let since = clock::now().saturating_duration_since(self.begin);
        TurnInstant::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Does everything that the protocol wants done now. Returns when to call this again.
    async fn settle(&mut self) -> io::Result<Instant> {
        let now = self.now();
        let polled = self.client.poll(now);
        while let Some(transmit) = self.client.poll_transmit(now) {
            self.wire.send(&transmit.data).await?;
        }
        while let Some(event) = self.client.poll_event() {
            self.event(event).await?;
        }
        if self.allocate_by.is_some_and(|by| by <= clock::now()) {
            return Err(io::Error::other("it does not answer"));
        }
        let due = match polled {
            TurnPollRet::WaitUntil(at) => {
                self.begin + at.duration_since(TurnInstant::from_nanos(0))
            }
            TurnPollRet::Closed => return Err(io::Error::other("it has ended the allocation")),
            // Only requested by allocations that use TCP on the server's side.
            TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => clock::now(),
        };
        Ok(self.allocate_by.map_or(due, |by| by.min(due)))
    }

    async fn event(&mut self, event: TurnEvent) -> io::Result<()> {
        match event {
            TurnEvent::AllocationCreated(_, address) if self.relayed.is_none() => {
                self.relayed = Some(address);
                self.allocate_by = None;
                let relayed = News::Relayed {
                    relay: self.relay,
                    address,
                    local: self.local,
                };
                self.tell(relayed).await
            }
            TurnEvent::AllocationCreateFailed(_) => Err(io::Error::other(
                "it refuses to relay; are user name and password right?",
            )),
            TurnEvent::PermissionCreated(_, ip) => self.permitted(ip).await,
            TurnEvent::PermissionCreateFailed(_, ip) => {
                tracing::info!(url = self.url, %ip, "a TURN server may not relay to this address");
                self.held.retain(|packet| packet.to.ip() != ip);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sends the packets held for an address; a channel makes later packets four bytes longer instead of 36.
    async fn permitted(&mut self, ip: IpAddr) -> io::Result<()> {
        let now = self.now();
        for packet in std::mem::take(&mut self.held) {
            if packet.to.ip() == ip {
                // There already is one for a second packet to the same address. Over TCP, a channel's data is padded
                // (RFC 8656, section 12.5), which turn-client-proto 0.7 does not do, so the server loses its place in
                // the stream.
                if matches!(self.wire, Wire::Datagrams(_)) {
                    let _ = self.client.bind_channel(TransportType::Udp, packet.to, now);
                }
                self.send(packet).await?;
            } else {
                self.held.push_back(packet);
            }
        }
        Ok(())
    }

    async fn send(&mut self, outgoing: Outgoing) -> io::Result<()> {
        let now = self.now();
        let Outgoing { to, packet } = outgoing;
        match self.client.send_to(TransportType::Udp, to, &packet, now) {
            Ok(Some(transmit)) => self.wire.send(&transmit.data.build()).await,
            Ok(None) => Ok(()),
            Err(SendError::NoPermission) => {
                // It may have been requested already.
                let _ = self
                    .client
                    .create_permission(TransportType::Udp, to.ip(), now);
                if self.held.len() == HELD {
                    self.held.pop_front();
                }
                self.held.push_back(Outgoing { to, packet });
                Ok(())
            }
            Err(error) => Err(io::Error::other(error)),
        }
    }

    async fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() && !matches!(self.wire, Wire::Datagrams(_)) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let now = self.now();
        let transport = self.client.transport();
        let transmit = Transmit::new(bytes, transport, self.remote, self.local);
        if let TurnRecvRet::PeerData(data) = self.client.recv(transmit, now) {
            let (peer, data) = (data.peer, data.data().to_vec());
            self.tell_packet(peer, data).await?;
        }
        while let Some(data) = self.client.poll_recv(now) {
            let (peer, data) = (data.peer, data.data().to_vec());
            self.tell_packet(peer, data).await?;
        }
        Ok(())
    }

    async fn tell_packet(&mut self, source: SocketAddr, data: Vec<u8>) -> io::Result<()> {
        let Some(destination) = self.relayed else {
            return Ok(());
        };
        let packet = News::Packet {
            protocol: Protocol::Udp,
            source,
            destination,
            data,
        };
        self.tell(packet).await
    }

    async fn tell(&mut self, news: News) -> io::Result<()> {
        // The peer is gone; `outgoing` ends, too.
        let _ = self.news.send(news).await;
        Ok(())
    }

    /// Releases the address.
    async fn leave(mut self) -> io::Result<()> {
        let now = self.now();
        if self.client.delete(now).is_ok() {
            while let Some(transmit) = self.client.poll_transmit(now) {
                self.wire.send(&transmit.data).await?;
            }
        }
        self.wire.close().await
    }
}
