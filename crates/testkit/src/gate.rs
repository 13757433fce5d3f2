//! A TCP relay in front of a server: while it is stalled nothing passes and neither side is notified, as when a network
//! is cut.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The relay. Dropping it closes its connections.
#[derive(Debug)]
pub struct Gate {
    /// For clients, in place of the server's address.
    pub address: SocketAddr,
    open: watch::Sender<bool>,
    /// Counts the times that connections were ended.
    ended: watch::Sender<u64>,
    _tasks: JoinSet<()>,
}

impl Gate {
    /// Puts an open gate in front of the server at `host:port`.
    ///
    /// # Errors
    /// If loopback has no free port.
    pub async fn before(server: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (open, passage) = watch::channel(true);
        let ended = watch::Sender::new(0);
        let mut tasks = JoinSet::new();
        let (server, ends) = (server.to_owned(), ended.clone());
        tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let mut ends = ends.subscribe();
                let relay = relay(client, server.clone(), passage.clone());
                clients.spawn(async move {
                    tokio::select! {
                        () = relay => {}
                        _ = ends.changed() => {}
                    }
                });
                while clients.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            open,
            ended,
            _tasks: tasks,
        })
    }

    /// Nothing passes any more; connections stay open, and new ones are accepted without an answer.
    pub fn stall(&self) {
        self.open.send_replace(false);
    }

    /// Closes the connections that there are, as idle servers do; others may follow.
    pub fn end_connections(&self) {
        self.ended.send_modify(|times| *times += 1);
    }

    /// Lets held traffic continue.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn relay(client: TcpStream, server: String, mut passage: watch::Receiver<bool>) {
    if passage.wait_for(|open| *open).await.is_err() {
        return;
    }
    // If the server is down, the connection closes at once.
    let Ok(server) = TcpStream::connect(&server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = carry(from_client, to_server, passage.clone()) => {}
        () = carry(from_server, to_client, passage) => {}
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut passage: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while passage.wait_for(|open| *open).await.is_ok() {
        let read = match from.read(&mut buffer).await {
            Ok(read) if read > 0 => read,
            _ => return,
        };
        let is_open = passage.wait_for(|open| *open).await.is_ok();
        if !is_open || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
