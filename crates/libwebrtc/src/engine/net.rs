//! The sockets of one connection: one for each address of this machine,
//! because ICE needs the exact address a packet came to.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::Poll;

use if_addrs::{IfOperStatus, get_if_addrs};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// The largest UDP payload.
const LARGEST: usize = 65_535;
/// Room for bursts of data-channel messages while the task is busy.
const SOCKET_BUFFER: usize = 1024 * 1024;

pub(crate) struct Net {
    sockets: Vec<(SocketAddr, UdpSocket)>,
    buffer: Box<[u8]>,
    /// The socket polled first, so that none starves the others.
    first: usize,
}

/// A datagram in [`Net::datagram`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) length: usize,
}

impl Net {
    /// Binds a socket to each address of this machine that others may reach;
    /// to loopback where there is no other. Needs a tokio runtime.
    ///
    /// # Errors
    /// When no address can be bound.
    pub(crate) fn bind() -> io::Result<Self> {
        let mut net = Self {
            sockets: Vec::new(),
            buffer: vec![0; LARGEST].into_boxed_slice(),
            first: 0,
        };
        for ip in reachable_addresses() {
            if let Err(error) = net.bind_to(ip) {
                tracing::debug!(%ip, %error, "an address cannot be bound");
            }
        }
        if net.sockets.is_empty() {
            net.bind_to(IpAddr::V4(Ipv4Addr::LOCALHOST))?;
        }
        Ok(net)
    }

    fn bind_to(&mut self, ip: IpAddr) -> io::Result<SocketAddr> {
        let socket = std::net::UdpSocket::bind((ip, 0))?;
        socket.set_nonblocking(true)?;
        // The system may allow less; then so be it.
        let options = socket2::SockRef::from(&socket);
        let _ = options.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = options.set_send_buffer_size(SOCKET_BUFFER);
        let address = socket.local_addr()?;
        self.sockets.push((address, UdpSocket::from_std(socket)?));
        Ok(address)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|(address, _)| *address)
    }

    /// Makes the other side's address `remote` reachable if it takes a
    /// loopback socket that is not there yet; answers the new local address.
    /// Loopback is bound only then: nobody else could use the candidate.
    pub(crate) fn reach(&mut self, remote: IpAddr) -> Option<SocketAddr> {
        let have = |address: SocketAddr| {
            address.ip().is_loopback() && address.is_ipv4() == remote.is_ipv4()
        };
        if !remote.is_loopback() || self.addresses().any(have) {
            return None;
        }
        self.bind_to(remote)
            .inspect_err(|error| tracing::warn!(%remote, %error, "loopback cannot be bound"))
            .ok()
    }

    /// Sends a datagram; one that cannot leave at once is lost, as UDP may.
    pub(crate) fn send(&self, source: SocketAddr, destination: SocketAddr, datagram: &[u8]) {
        let Some((_, socket)) = self.sockets.iter().find(|(address, _)| *address == source) else {
            return;
        };
        if let Err(error) = socket.try_send_to(datagram, destination) {
            tracing::trace!(%source, %destination, %error, "a datagram was not sent");
        }
    }

    /// Waits for the next datagram. Nothing is lost when this is cancelled.
    pub(crate) async fn receive(&mut self) -> Arrived {
        poll_fn(|cx| {
            let count = self.sockets.len();
            for offset in 0..count {
                let index = (self.first + offset) % count;
                let (destination, socket) = &self.sockets[index];
                loop {
                    let mut buffer = ReadBuf::new(&mut self.buffer);
                    match socket.poll_recv_from(cx, &mut buffer) {
                        Poll::Pending => break,
                        // An ICMP error of an earlier send: not about this socket.
                        Poll::Ready(Err(_)) => {}
                        Poll::Ready(Ok(source)) => {
                            self.first = index + 1;
                            let length = buffer.filled().len();
                            let destination = *destination;
                            return Poll::Ready(Arrived {
                                source,
                                destination,
                                length,
                            });
                        }
                    }
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Takes a datagram that is there already.
    pub(crate) fn try_receive(&mut self) -> Option<Arrived> {
        let buffer = &mut self.buffer;
        self.sockets.iter().find_map(|(destination, socket)| {
            let (length, source) = socket.try_recv_from(buffer).ok()?;
            Some(Arrived {
                source,
                destination: *destination,
                length,
            })
        })
    }

    pub(crate) fn datagram(&self, length: usize) -> &[u8] {
        &self.buffer[..length]
    }
}

/// This machine's addresses, without loopback, link-local ones and interfaces
/// that are down.
fn reachable_addresses() -> Vec<IpAddr> {
    let interfaces = get_if_addrs()
        .inspect_err(|error| tracing::warn!(%error, "interfaces cannot be listed"))
        .unwrap_or_default();
    interfaces
        .into_iter()
        .filter(|interface| interface.oper_status != IfOperStatus::Down)
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect()
}

#[cfg(test)]
mod tests;
