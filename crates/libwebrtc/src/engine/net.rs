//! The sockets of one connection: one for each address of this machine, because ICE needs the exact address that a
//! packet was sent to. TCP and TURN, which need their own tasks, are in [`links`].

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::Poll;

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

pub(crate) mod framing;
pub(crate) mod interfaces;
pub(crate) mod links;
pub(crate) mod news;
pub(crate) mod relay;
pub(crate) mod tcp;
pub(crate) mod turn_server;

/// The largest UDP payload.
const LARGEST: usize = 65_535;
/// Room for bursts of data-channel messages while the task is busy.
const SOCKET_BUFFER: usize = 1024 * 1024;

pub(crate) struct Net {
    sockets: Vec<(SocketAddr, UdpSocket)>,
    buffer: Box<[u8]>,
    /// The socket polled first; it rotates so that none starves the others.
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
    /// Without any sockets.
    pub(crate) fn closed() -> Self {
        Self {
            sockets: Vec::new(),
            buffer: vec![0; LARGEST].into_boxed_slice(),
            first: 0,
        }
    }

    /// Binds a socket to each address. Needs a tokio runtime.
    pub(crate) fn bind(&mut self, addresses: &[IpAddr]) {
        for ip in addresses {
            if let Err(error) = self.bind_to(*ip) {
                tracing::debug!(%ip, %error, "an address cannot be bound");
            }
        }
    }

    /// Binds a socket to loopback.
    ///
    /// # Errors
    /// When that is refused.
    pub(crate) fn bind_loopback(&mut self) -> io::Result<()> {
        self.bind_to(IpAddr::V4(Ipv4Addr::LOCALHOST)).map(|_| ())
    }

    /// Closes the sockets whose addresses are no longer wanted. Returns their addresses.
    pub(crate) fn keep(&mut self, is_wanted: impl Fn(IpAddr) -> bool) -> Vec<SocketAddr> {
        let mut closed = Vec::new();
        self.sockets.retain(|(address, _)| {
            let keep = is_wanted(address.ip());
            if !keep {
                closed.push(*address);
            }
            keep
        });
        closed
    }

    fn bind_to(&mut self, ip: IpAddr) -> io::Result<SocketAddr> {
        let socket = std::net::UdpSocket::bind((ip, 0))?;
        socket.set_nonblocking(true)?;
        // The system may allow less, which is fine.
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

    /// Makes the other side's address `remote` reachable if that takes a new loopback socket. Returns the new local
    /// address. Loopback is bound only then: nobody else could use the candidate.
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

    /// Sends a datagram; one that cannot leave at once is lost, as with UDP in general. Returns `false` if the network
    /// reports that there is no path from this address.
    pub(crate) fn send(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let Some((_, socket)) = self.sockets.iter().find(|(address, _)| *address == source) else {
            return true;
        };
        let Err(error) = socket.try_send_to(datagram, destination) else {
            return true;
        };
        tracing::trace!(%source, %destination, %error, "a datagram was not sent");
        // Linux reports an address that is gone as an invalid argument.
        !matches!(
            error.kind(),
            io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::NetworkDown
        )
    }

    /// Waits for the next datagram. Cancel safe.
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
                        // An ICMP error for an earlier send does not concern this socket.
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

    /// Takes a datagram that has already arrived.
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

#[cfg(test)]
mod tests;
