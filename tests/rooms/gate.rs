//! What stands between clients and livekit-server's signalling: a door that can be shut for a
//! moment, and one that speaks TLS. Media does not pass through.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sidetone_testkit::LiveKitServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A door in front of a server.
pub struct Gate {
    /// For clients, in place of the server's.
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

    /// Cuts all who are in a room, and refuses their first ways back: after one refusal they join
    /// anew.
    pub fn cut(&self, refusals: u32) {
        self.refusals.store(refusals, Ordering::SeqCst);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// As a server that is too busy does; a connection that breaks would be tried again within the attempt.
async fn refuse(client: &mut TcpStream) {
    let mut request = [0; 4_096];
    let answer =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // Who does not wait for the answer has none.
    if client.read(&mut request).await.is_ok() {
        client.write_all(answer).await.ok();
    }
}

/// Whether the request is a client's, and not a worker's or the API's.
async fn enters_a_room(client: &TcpStream) -> bool {
    let mut start = [0; 8];
    // What is peeked at may be less at first.
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
        // An error is a closed connection.
        copy_bidirectional(client, &mut server).await.ok();
    }
}

/// TLS in front of a server, with a certificate of a CA that nobody else knows.
pub struct Tls {
    /// `wss://localhost:…`
    pub url: String,
    /// The CA's certificate, PEM.
    pub ca: String,
    _task: JoinSet<()>,
}

impl Tls {
    pub async fn before(server: &LiveKitServer) -> Self {
        let (acceptor, ca) = certified();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = server.http_url.trim_start_matches("http://").to_owned();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, address) = (acceptor.clone(), address.clone());
                clients.spawn(async move {
                    // A client that does not know the CA hangs up in the handshake.
                    if let Ok(mut client) = acceptor.accept(client).await {
                        relay(&mut client, &address).await;
                    }
                });
            }
        });
        Self {
            url: format!("wss://localhost:{port}"),
            ca,
            _task: task,
        }
    }
}

fn certified() -> (TlsAcceptor, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), ca_certificate.pem())
}
