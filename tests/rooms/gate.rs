//! Proxies between clients and livekit-server's signalling: one that can be shut for a moment, one with TLS, and an
//! HTTP proxy. Media does not pass through them.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use sidetone_testkit::LiveKitServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A proxy in front of a server.
pub struct Gate {
    /// The address for clients, instead of the server's.
    pub url: String,
    cuts: watch::Sender<u32>,
    refusals: Arc<AtomicU32>,
    _task: JoinSet<()>,
}

impl Gate {
    pub async fn before(server: &LiveKitServer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let address = server.http_url.trim_start_matches("http://").to_owned();
        let cuts = watch::Sender::new(0);
        let refusals = Arc::<AtomicU32>::default();
        let (cut, refused) = (cuts.subscribe(), Arc::clone(&refusals));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let (address, refused, mut cut) =
                    (address.clone(), Arc::clone(&refused), cut.clone());
                clients.spawn(async move {
                    if !enters_a_room(&client).await {
                        return relay(&mut client, &address).await;
                    }
                    let take = |left: u32| left.checked_sub(1);
                    if refused
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                        .is_ok()
                    {
                        return refuse(&mut client).await;
                    }
                    cut.mark_unchanged();
                    tokio::select! {
                        () = relay(&mut client, &address) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self {
            url,
            cuts,
            refusals,
            _task: task,
        }
    }

    /// Disconnects everybody in a room, and refuses this many of their first attempts to return: after one refusal
    /// they join anew.
    pub fn cut(&self, refusals: u32) {
        self.refusals.store(refusals, Ordering::SeqCst);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Responds like a server that is too busy; a broken connection would be retried within the same attempt.
async fn refuse(client: &mut TcpStream) {
    let mut request = [0; 4_096];
    let answer =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // If the client does not wait for the response, it gets none.
    if client.read(&mut request).await.is_ok() {
        client.write_all(answer).await.ok();
    }
}

/// Whether the request is a client's, rather than a worker's or one to the API.
async fn enters_a_room(client: &TcpStream) -> bool {
    let mut start = [0; 8];
    // The first peek may return less.
    for _ in 0..100 {
        if client.peek(&mut start).await.unwrap_or_default() == start.len() {
            break;
        }
        tokio::task::yield_now().await;
    }
    start.starts_with(b"GET /rtc")
}

async fn relay(client: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin), to: &str) {
    if let Ok(mut server) = TcpStream::connect(to).await {
        // An error means a closed connection.
        copy_bidirectional(client, &mut server).await.ok();
    }
}

/// TLS in front of a server, with a certificate of a private CA.
pub struct Tls {
    /// `wss://localhost:…`
    pub url: String,
    /// The port on loopback.
    pub port: u16,
    /// The CA's certificate, as PEM.
    pub ca: String,
    _task: JoinSet<()>,
}

impl Tls {
    pub async fn before(server: &LiveKitServer) -> Self {
        let address = server.http_url.trim_start_matches("http://");
        Self::to(address, &Authority::new()).await
    }

    /// In front of the server at this address, with a certificate of this CA.
    pub async fn to(address: &str, authority: &Authority) -> Self {
        let acceptor = authority.acceptor();
        let (address, ca) = (address.to_owned(), authority.pem());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, address) = (acceptor.clone(), address.clone());
                clients.spawn(async move {
                    // A client that does not know the CA hangs up during the handshake.
                    if let Ok(mut client) = acceptor.accept(client).await {
                        relay(&mut client, &address).await;
                    }
                });
            }
        });
        Self {
            url: format!("wss://localhost:{port}"),
            port,
            ca,
            _task: task,
        }
    }
}

/// A private CA.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// The name by which only a proxy reaches the servers behind [`Tls`].
pub const PROXIED: &str = "livekit.proxied.example";

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            certificate: ca.self_signed(&key).unwrap(),
            issuer: Issuer::new(ca, key),
        }
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A server certificate for `localhost` and [`PROXIED`], and its key.
    pub fn certify(&self) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost", PROXIED].map(str::to_owned);
        let certificate = CertificateParams::new(names).unwrap();
        (certificate.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.certify();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// An HTTP proxy that directs every CONNECT to one port on loopback, whatever host it names.
pub struct Proxy {
    /// `http://…` with a user and a password.
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://me:very-secret@{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (mut task, noted) = (JoinSet::new(), Arc::clone(&asked));
        task.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let noted = Arc::clone(&noted);
                clients.spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = client.read_u8().await else {
                            return;
                        };
                        head.push(byte);
                    }
                    let head = String::from_utf8(head).unwrap();
                    let line = head.lines().next().unwrap_or_default().to_owned();
                    let knows = head.to_lowercase().contains("proxy-authorization: basic ");
                    let taken = line.starts_with("CONNECT ") && knows;
                    noted.lock().unwrap().push(line);
                    let answer = if taken {
                        "HTTP/1.1 200 OK\r\n\r\n"
                    } else {
                        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
                    };
                    if client.write_all(answer.as_bytes()).await.is_ok() && taken {
                        relay(&mut client, &format!("127.0.0.1:{port}")).await;
                    }
                });
            }
        });
        Self {
            url,
            asked,
            _task: task,
        }
    }

    /// The request lines so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}
