//! A bad network between a client and a livekit-server, in user space and without privileges: a relay for the
//! signalling, which replaces the server's UDP port by that of a second relay, which loses and delays packets. The
//! server must be ICE-lite, or it finds the direct way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::{Gate, LiveKitServer};

/// Packets on their way in one direction; beyond that they are lost, as in a router's queue.
const QUEUE: usize = 500;
/// The largest UDP payload.
const LARGEST: usize = 65_535;

/// How bad the network is, in each direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Roughness {
    /// The share of packets that are lost, 0 to 1.
    pub loss: f64,
    /// How long a packet takes.
    pub delay: Duration,
    /// The delay varies by up to this much. Packets keep their order.
    pub jitter: Duration,
}

/// The relays. Dropping them cuts the calls that go through them.
pub struct RoughPath {
    /// For clients, in place of the server's URL.
    pub url: String,
    carried: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    cut: Arc<AtomicBool>,
    signalling: Gate,
    _tasks: JoinSet<()>,
}

impl RoughPath {
    /// Puts a bad network in front of a server that was started with `ice_lite`.
    ///
    /// # Errors
    /// If loopback has no free port.
    pub async fn before(server: &LiveKitServer, roughness: Roughness) -> std::io::Result<Self> {
        let media = relay_of_same_length(server.media_port).await?;
        let port = media.local_addr()?.port();
        let (hidden, shown) = (
            format!("127.0.0.1 {}", server.media_port).into_bytes(),
            format!("127.0.0.1 {port}").into_bytes(),
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("ws://{}", listener.local_addr()?);
        let gate = Gate::before(server.http_url.trim_start_matches("http://")).await?;
        let signalling = gate.address.to_string();
        let (carried, lost) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let cut = Arc::<AtomicBool>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (signalling, hidden, shown) =
                    (signalling.clone(), hidden.clone(), shown.clone());
                clients.spawn(async move {
                    // An error means a closed connection, which ends the other half, too.
                    relay_signalling(client, &signalling, &hidden, &shown)
                        .await
                        .ok();
                });
            }
        });
        let path = Path {
            roughness,
            carried: Arc::clone(&carried),
            lost: Arc::clone(&lost),
            cut: Arc::clone(&cut),
        };
        tasks.spawn(relay_media(media, server.media_port, path));
        Ok(Self {
            url,
            carried,
            lost,
            cut,
            signalling: gate,
            _tasks: tasks,
        })
    }

    /// Stops all media and signalling without notifying anybody.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        self.signalling.stall();
    }

    /// Restores the network. Signalling sent in the meantime arrives; media is lost.
    pub fn mend(&self) {
        self.cut.store(false, Ordering::Relaxed);
        self.signalling.open();
    }

    /// Packets carried and lost so far, in both directions.
    pub fn counts(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.carried), read(&self.lost))
    }
}

/// Candidates are text in protobuf strings: a port of a different length would break the framing.
async fn relay_of_same_length(port: u16) -> std::io::Result<UdpSocket> {
    loop {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        if socket.local_addr()?.port().to_string().len() == port.to_string().len() {
            return Ok(socket);
        }
    }
}

async fn relay_signalling(
    mut client: TcpStream,
    server: &str,
    hidden: &[u8],
    shown: &[u8],
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = tokio::io::copy(&mut from_client, &mut to_server);
    let down = async {
        let mut pending = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return Ok::<(), std::io::Error>(());
            }
            pending.extend(&buffer[..read]);
            let whole = replace(&mut pending, hidden, shown);
            to_client.write_all(&pending[..whole]).await?;
            pending.drain(..whole);
        }
    };
    tokio::select! {
        done = up => done.map(|_| ()),
        done = down => done,
    }
}

/// Replaces `from` by `to`, which has the same length. Returns how many bytes cannot be the start of another match.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
            at += from.len();
        } else if rest.len() < from.len() && from.starts_with(rest) {
            return at;
        } else {
            at += 1;
        }
    }
    at
}

#[derive(Clone)]
struct Path {
    roughness: Roughness,
    carried: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    cut: Arc<AtomicBool>,
}

/// One direction of one client.
struct Direction {
    path: Path,
    random: u64,
    last: Instant,
    queue: mpsc::Sender<(Instant, Vec<u8>)>,
}

impl Direction {
    /// Carries packets to `socket`, or to `to` if the socket is not connected.
    fn new(
        path: &Path,
        tasks: &mut JoinSet<()>,
        socket: Arc<UdpSocket>,
        to: Option<SocketAddr>,
    ) -> Self {
        let (queue, mut packets) = mpsc::channel::<(Instant, Vec<u8>)>(QUEUE);
        tasks.spawn(async move {
            while let Some((due, packet)) = packets.recv().await {
                sleep_until(due).await;
                // What cannot be sent is lost, as on any network.
                let _ = match to {
                    Some(to) => socket.send_to(&packet, to).await,
                    None => socket.send(&packet).await,
                };
            }
        });
        Self {
            path: path.clone(),
            random: 0x9e37_79b9_7f4a_7c15,
            last: now(),
            queue,
        }
    }

    fn carry(&mut self, packet: &[u8]) {
        let Roughness {
            loss,
            delay,
            jitter,
        } = self.path.roughness;
        let is_lost = self.random() < loss || self.path.cut.load(Ordering::Relaxed);
        let spread = jitter.mul_f64(2.0 * self.random());
        self.last = self.last.max(now() + delay + spread - jitter);
        if is_lost || self.queue.try_send((self.last, packet.to_vec())).is_err() {
            self.path.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            self.path.carried.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Uniform in 0 to 1, the same sequence in each run (xorshift64, Marsaglia 2003).
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a relay between real sockets runs in real time"
)]
fn now() -> Instant {
    Instant::now()
}

/// Gives each client its own socket towards the server, like a NAT.
async fn relay_media(outside: UdpSocket, server: u16, path: Path) {
    let outside = Arc::new(outside);
    let mut tasks = JoinSet::new();
    let mut clients: HashMap<SocketAddr, Direction> = HashMap::new();
    let mut buffer = vec![0; LARGEST];
    while let Ok((length, client)) = outside.recv_from(&mut buffer).await {
        if let Entry::Vacant(entry) = clients.entry(client) {
            let Ok(inside) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await else {
                return;
            };
            if inside.connect((Ipv4Addr::LOCALHOST, server)).await.is_err() {
                return;
            }
            let inside = Arc::new(inside);
            let mut back = Direction::new(&path, &mut tasks, Arc::clone(&outside), Some(client));
            let up = Direction::new(&path, &mut tasks, Arc::clone(&inside), None);
            entry.insert(up);
            tasks.spawn(async move {
                let mut buffer = vec![0; LARGEST];
                while let Ok(length) = inside.recv(&mut buffer).await {
                    back.carry(&buffer[..length]);
                }
            });
        }
        if let Some(up) = clients.get_mut(&client) {
            up.carry(&buffer[..length]);
        }
    }
}

#[cfg(test)]
mod tests;
