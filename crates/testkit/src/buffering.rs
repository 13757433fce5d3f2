//! A reverse proxy that buffers answers, as nginx does by default: it speaks HTTP/1.0 to the server, under the server's
//! own name, and passes nothing on before a large piece or the whole of an answer is there, unless the answer says
//! `X-Accel-Buffering: no`.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// nginx's eight buffers of four KiB.
const BUFFERS: usize = 32 * 1024;

/// The proxy. Dropping it closes its connections.
#[derive(Debug)]
pub struct BufferingProxy {
    /// For clients, in place of the server's address.
    pub address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl BufferingProxy {
    /// Puts a proxy in front of a server.
    ///
    /// # Errors
    /// If loopback has no free port.
    pub async fn before(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(async move {
                    // If one side closes, the other is closed, too.
                    let _ = pass(client, server).await;
                });
                while clients.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            _tasks: tasks,
        })
    }
}

/// One request without a body, and its answer.
async fn pass(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let (head, _) = head(&mut client).await?;
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let mut asked = format!("{}\r\nHost: {server}\r\nConnection: close\r\n", old(first));
    for line in lines.filter(|line| !is_named(line, &["host", "connection"])) {
        asked.push_str(line);
        asked.push_str("\r\n");
    }
    asked.push_str("\r\n");
    let mut server = TcpStream::connect(server).await?;
    server.write_all(asked.as_bytes()).await?;
    let (answer, begun) = self::head(&mut server).await?;
    let buffers = !answer.lines().any(|line| {
        let said = line.to_ascii_lowercase().replace(' ', "");
        said == "x-accel-buffering:no"
    });
    let mut waiting = format!("{answer}\r\n\r\n").into_bytes();
    waiting.extend(begun);
    let mut buffer = vec![0; 4 * 1024];
    loop {
        if !buffers || waiting.len() >= BUFFERS {
            client.write_all(&waiting).await?;
            waiting.clear();
        }
        let read = tokio::select! {
            read = server.read(&mut buffer) => read?,
            // The client is gone.
            _ = client.read_u8() => return Ok(()),
        };
        if read == 0 {
            return client.write_all(&waiting).await;
        }
        waiting.extend(&buffer[..read]);
    }
}

/// A head without its final blank line, and what came after it.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            bytes.truncate(end);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn old(line: &str) -> String {
    line.replace("HTTP/1.1", "HTTP/1.0")
}

fn is_named(line: &str, names: &[&str]) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests;
