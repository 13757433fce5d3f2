//! One TCP connection to a passive candidate of the other side (RFC 6544).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use str0m::net::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::framing::{Deframer, framed};
use super::news::News;

/// A blocked port often does not answer at all.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// What the network has not accepted by then it will not accept: ICE finds another path.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// Bytes read at once.
const READ: usize = 16 * 1024;

/// Both ends as ICE names them: our candidate has no port of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ends {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// Connects and carries packets until either side is done.
pub(crate) async fn run(ends: Ends, outgoing: mpsc::Receiver<Vec<u8>>, news: mpsc::Sender<News>) {
    if let Err(error) = carry(ends, outgoing, news).await {
        tracing::debug!(?ends, %error, "a TCP connection for media is over");
    }
}

async fn carry(
    ends: Ends,
    outgoing: mpsc::Receiver<Vec<u8>>,
    news: mpsc::Sender<News>,
) -> io::Result<()> {
    let socket = match ends.source {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(ends.source.ip(), 0))?;
    let stream = timeout(CONNECT_DEADLINE, socket.connect(ends.destination)).await??;
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    tokio::select! {
        result = read(ends, reader, news) => result,
        result = write(writer, outgoing) => result,
    }
}

async fn read(ends: Ends, mut from: OwnedReadHalf, news: mpsc::Sender<News>) -> io::Result<()> {
    let mut deframer = Deframer::default();
    let mut buffer = vec![0; READ];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        deframer.push(&buffer[..length]);
        while let Some(packet) = deframer.next() {
            let packet = News::Packet {
                protocol: Protocol::Tcp,
                source: ends.destination,
                destination: ends.source,
                data: packet.to_vec(),
            };
            // A slow task slows the other side down, as TCP does.
            if news.send(packet).await.is_err() {
                return Ok(());
            }
        }
    }
}

async fn write(mut to: OwnedWriteHalf, mut outgoing: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(packet) = outgoing.recv().await {
        if let Some(frame) = framed(&packet) {
            timeout(WRITE_DEADLINE, to.write_all(&frame)).await??;
        }
    }
    Ok(())
}
