//! The transport to a TURN server: UDP, TCP or TLS.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::turn_server::{Transport, TurnServer};

/// What the network has not accepted by then it will not accept.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);

pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

pub(super) enum Wire {
    Datagrams(UdpSocket),
    Stream {
        reader: ReadHalf<Box<dyn Bytes>>,
        writer: WriteHalf<Box<dyn Bytes>>,
    },
}

impl Wire {
    /// Reaches a server at the first of its addresses that answers. Returns our address and the server's.
    pub(super) async fn connect(server: &TurnServer) -> io::Result<(Self, SocketAddr, SocketAddr)> {
        let addresses: Vec<SocketAddr> = lookup_host((server.host.as_str(), server.port))
            .await?
            .collect();
        let mut failure = io::Error::other("its name has no address");
        for address in addresses {
            match Self::connect_to(server, address).await {
                Ok((wire, local)) => return Ok((wire, local, address)),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn connect_to(
        server: &TurnServer,
        address: SocketAddr,
    ) -> io::Result<(Self, SocketAddr)> {
        if server.transport == Transport::Udp {
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(address).await?;
            let local = socket.local_addr()?;
            return Ok((Self::Datagrams(socket), local));
        }
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let bytes: Box<dyn Bytes> = if server.transport == Transport::Tls {
            let name = ServerName::try_from(server.host.clone()).map_err(io::Error::other)?;
            Box::new(TlsConnector::from(tls()?).connect(name, stream).await?)
        } else {
            Box::new(stream)
        };
        let (reader, writer) = tokio::io::split(bytes);
        Ok((Self::Stream { reader, writer }, local))
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) => {
                // A datagram that cannot leave is lost, as with UDP in general; the protocol sends it again.
                let _ = socket.send(bytes).await;
                Ok(())
            }
            Self::Stream { writer, .. } => {
                let write = async {
                    writer.write_all(bytes).await?;
                    writer.flush().await
                };
                timeout(WRITE_DEADLINE, write).await?
            }
        }
    }

    /// Waits for the next data. Cancel safe. A stream's end is 0 bytes.
    pub(super) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Datagrams(socket) => loop {
                // An ICMP error for an earlier send does not end the connection: the server may be starting.
                if let Ok(length) = socket.recv(buffer).await {
                    return Ok(length);
                }
            },
            Self::Stream { reader, .. } => reader.read(buffer).await,
        }
    }

    pub(super) async fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Datagrams(_) => Ok(()),
            Self::Stream { writer, .. } => timeout(WRITE_DEADLINE, writer.shutdown()).await?,
        }
    }
}

/// The system's root certificates, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; read once.
fn tls() -> io::Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    // The process's default provider, if it has set one.
    let provider = rustls::crypto::CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}
