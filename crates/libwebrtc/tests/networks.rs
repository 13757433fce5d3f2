//! Rooms over realistic networks: without UDP, through TURN servers, with changing addresses. The agent's side is on
//! its own machine behind a router, livekit-server and the caller on another. If network namespaces are not allowed,
//! each test says so and ends.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "networks/talker.rs"]
mod talker;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use libwebrtc::peer_connection_factory::{Path, Paths};
use sidetone_testkit::LiveKitServer;
use sidetone_testkit::livekit_server::{Options, Turn};
use sidetone_testkit::network::{Network, ROUTER, SERVER, SERVER_V6, apart};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use talker::{Talker, token};

/// Keeps a failure from hanging the tests; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Sound that is missing for this long was lost, not late; nothing is measured by it. Without the behaviour under test
/// it is missing for half a minute, or for good.
const LOST: Duration = Duration::from_secs(10);
/// The same for tests that listen for three seconds.
const HOLE: Duration = Duration::from_secs(2);

fn at(address: IpAddr) -> Options {
    Options {
        address: Some(address),
        ..Options::default()
    }
}

/// The agent's side, and the caller's on the server's machine.
struct Pair {
    agent: Talker,
    caller: oneshot::Receiver<Talker>,
    /// Tells the caller's side that the test is over.
    over: oneshot::Sender<()>,
}

/// What the caller and the agent experienced.
struct Lived {
    agent: Talker,
    caller: Talker,
}

impl Lived {
    /// Asserts that both have heard each other and received data since `begin`, without a silence of `lost`.
    fn is_whole(&self, begin: Instant, lost: Duration) {
        for (who, talker) in [("agent", &self.agent), ("caller", &self.caller)] {
            let silence = talker.longest_silence(begin);
            println!("{who}: {silence:?} without sound");
            assert!(silence < lost, "{who}: {silence:?}");
            assert!(talker.data_since(begin) > 0, "{who}");
        }
    }
}

impl Pair {
    /// Puts both in a room of this server, the agent by these paths.
    async fn join(network: &Network, livekit: &LiveKitServer, paths: Paths) -> Self {
        let (url, tokens) = (
            livekit.url.clone(),
            ["agent", "caller"].map(|who| token(livekit, "network", who)),
        );
        let [agent, caller] = tokens;
        let (told, caller_is) = oneshot::channel();
        let (over, end) = oneshot::channel::<()>();
        let (joined, wait) = oneshot::channel();
        let there = url.clone();
        let staying = network.on_server(async move {
            let caller = Talker::join(&there, &caller, Paths::ALL).await;
            joined.send(()).ok();
            // Until the test is over: this runtime runs the caller.
            end.await.ok();
            told.send(caller).ok();
        });
        tokio::spawn(staying);
        wait.await.unwrap();
        let agent = Talker::join(&url, &agent, paths).await;
        let pair = Self {
            agent,
            caller: caller_is,
            over,
        };
        pair.agent.hears_from(Instant::now(), PATIENCE).await;
        pair
    }

    /// Ends the test.
    async fn end(self) -> Lived {
        self.over.send(()).unwrap();
        Lived {
            agent: self.agent,
            caller: self.caller.await.unwrap(),
        }
    }
}

#[test]
fn a_call_works_over_tcp_where_udp_is_blocked() {
    apart(|network| async move {
        let livekit = network.livekit(at(SERVER)).await;
        network.block("ipproto udp");
        let pair = Pair::join(&network, &livekit, Paths::ALL).await;
        assert_eq!(pair.agent.watch.tried().path, Some(Path::Tcp));
        let begin = Instant::now();
        sleep(Duration::from_secs(3)).await;
        pair.end().await.is_whole(begin, HOLE);
    });
}

#[test]
fn where_udp_answers_nothing_else_is_tried() {
    apart(|network| async move {
        let livekit = network.livekit(at(SERVER)).await;
        let pair = Pair::join(&network, &livekit, Paths::ALL).await;
        let tried = pair.agent.watch.tried();
        assert_eq!(tried.path, Some(Path::Udp));
        assert!(tried.relays.is_empty());
        pair.end().await;
    });
}

/// The server moves a client to TCP if its UDP breaks early.
#[test]
fn udp_that_is_cut_early_in_a_call_is_replaced_by_tcp() {
    apart(|network| async move {
        let livekit = network.livekit(at(SERVER)).await;
        let pair = Pair::join(&network, &livekit, Paths::ALL).await;
        network.block("ipproto udp");
        sleep(Duration::from_secs(25)).await;
        let after = Instant::now();
        pair.agent.hears_from(after, PATIENCE).await;
        assert_eq!(pair.agent.watch.tried().path, Some(Path::Tcp));
        network.unblock("ipproto udp");
        sleep(Duration::from_secs(5)).await;
        let begin = Instant::now();
        sleep(Duration::from_secs(3)).await;
        pair.end().await.is_whole(begin, HOLE);
    });
}

#[test]
fn a_change_of_address_is_followed() {
    apart(|network| async move {
        let livekit = network.livekit(at(SERVER)).await;
        let pair = Pair::join(&network, &livekit, Paths::ALL).await;
        sleep(Duration::from_secs(2)).await;
        let begin = Instant::now();
        network.on_client(
            "ip addr del 10.77.1.2/24 dev eth0; ip -6 addr flush dev eth0 scope global
             ip addr add 10.77.1.3/24 dev eth0; ip route replace default via 10.77.1.1",
        );
        // The consequences of losing the signalling are included.
        sleep(Duration::from_secs(40)).await;
        pair.end().await.is_whole(begin, LOST);
    });
}

#[test]
fn an_outage_of_25_seconds_early_in_a_call_is_survived() {
    talker::be_patient();
    apart(|network| async move {
        let livekit = network.livekit(at(SERVER)).await;
        let pair = Pair::join(&network, &livekit, Paths::ALL).await;
        network.on_client("ip link set eth0 down");
        sleep(Duration::from_secs(25)).await;
        network.on_client("ip link set eth0 up; ip route replace default via 10.77.1.1");
        let up = Instant::now();
        pair.agent.hears_from(up, PATIENCE).await;
        sleep(Duration::from_secs(10)).await;
        let begin = Instant::now();
        sleep(Duration::from_secs(3)).await;
        pair.end().await.is_whole(begin, HOLE);
    });
}

async fn relayed(network: Network, turn: Turn, paths: Paths, blocked: &'static [&'static str]) {
    let options = Options {
        turn: Some(turn),
        ..at(SERVER)
    };
    let livekit = network.livekit(options).await;
    for selector in blocked {
        network.block(&selector.replace("MEDIA_TCP", &livekit.media_tcp_port.to_string()));
    }
    let pair = Pair::join(&network, &livekit, paths).await;
    assert_eq!(pair.agent.watch.tried().path, Some(Path::Relay));
    let begin = Instant::now();
    sleep(Duration::from_secs(3)).await;
    pair.end().await.is_whole(begin, HOLE);
}

const TURN_UDP: u16 = 3478;

#[test]
fn a_call_works_through_a_relay_alone() {
    apart(|network| {
        let turn = Turn {
            udp_port: Some(TURN_UDP),
            tls: None,
        };
        relayed(network, turn, Paths::RELAY, &[])
    });
}

#[test]
fn a_call_works_where_only_the_relays_port_is_open() {
    apart(|network| {
        let turn = Turn {
            udp_port: Some(TURN_UDP),
            tls: None,
        };
        // What the relay forwards leaves from the server's own machine.
        const BLOCKED: &[&str] = &[
            "ipproto udp dport 1-3477",
            "ipproto udp dport 3479-65534 iif client0",
            "ipproto tcp dport MEDIA_TCP",
        ];
        relayed(network, turn, Paths::ALL, BLOCKED)
    });
}

/// The CA applies to the whole process, so the test runs in its own.
#[test]
fn a_call_works_where_only_tls_is_open() {
    const CERTIFICATE: &str = "TURN_TEST_CERTIFICATE";
    let name = "a_call_works_where_only_tls_is_open";
    if std::env::var_os(CERTIFICATE).is_none() {
        let (certificate, key) = talker::certificate(SERVER);
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let certificate = file("turn.pem", &certificate);
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CERTIFICATE, &certificate)
            .env("TURN_TEST_KEY", file("key.pem", &key))
            .env("SSL_CERT_FILE", &certificate)
            .status()
            .unwrap();
        assert!(ended.success());
        return;
    }
    apart(|network| {
        let read = |name| std::fs::read_to_string(std::env::var_os(name).unwrap()).unwrap();
        let turn = Turn {
            udp_port: None,
            tls: Some((read(CERTIFICATE), read("TURN_TEST_KEY"))),
        };
        const BLOCKED: &[&str] = &["ipproto udp", "ipproto tcp dport MEDIA_TCP"];
        relayed(network, turn, Paths::ALL, BLOCKED)
    });
}

/// A socket of the client, and two of the server that tell from which address it reaches them.
struct Mirrors {
    client: UdpSocket,
    servers: [UdpSocket; 2],
}

impl Mirrors {
    async fn new(network: &Network) -> Self {
        let bind = |address: IpAddr| UdpSocket::bind((address, 0)).unwrap();
        let servers = network.on_server(async move { [SERVER; 2].map(bind) });
        Self {
            client: bind(Ipv4Addr::UNSPECIFIED.into()),
            servers: servers.await,
        }
    }

    fn seen(&self) -> [SocketAddr; 2] {
        self.servers.each_ref().map(|server| {
            server.set_read_timeout(Some(PATIENCE)).unwrap();
            let there = server.local_addr().unwrap();
            self.client.send_to(b"from where?", there).unwrap();
            server.recv_from(&mut [0; 16]).unwrap().1
        })
    }
}

#[test]
fn a_call_works_behind_a_nat_that_maps_each_destination_to_another_port() {
    apart(|network| async move {
        if !network.translate() {
            return;
        }
        let [one, other] = Mirrors::new(&network).await.seen();
        assert_eq!([one.ip(), other.ip()], [ROUTER; 2]);
        assert_ne!(one.port(), other.port());
        let turn = Turn {
            udp_port: Some(TURN_UDP),
            tls: None,
        };
        let options = Options {
            turn: Some(turn),
            ..at(SERVER)
        };
        let livekit = network.livekit(options).await;
        for (paths, path) in [(Paths::ALL, Path::Udp), (Paths::RELAY, Path::Relay)] {
            let pair = Pair::join(&network, &livekit, paths).await;
            assert_eq!(pair.agent.watch.tried().path, Some(path));
            let begin = Instant::now();
            sleep(Duration::from_secs(2)).await;
            pair.end().await.is_whole(begin, HOLE);
        }
    });
}

/// As after a restart of the router, or of a line that gets another address.
#[test]
fn a_nat_that_forgets_its_mappings_is_followed() {
    apart(|network| async move {
        if !network.translate() {
            return;
        }
        let mirrors = Mirrors::new(&network).await;
        let livekit = network.livekit(at(SERVER)).await;
        let pair = Pair::join(&network, &livekit, Paths::ALL).await;
        let before = mirrors.seen();
        assert_eq!(mirrors.seen(), before);
        let begin = Instant::now();
        network.forget_translations();
        assert_ne!(mirrors.seen(), before);
        sleep(LOST + Duration::from_secs(3)).await;
        pair.end().await.is_whole(begin, LOST);
    });
}

#[test]
fn a_call_works_over_ipv6_alone() {
    apart(|network| async move {
        network.on_client("ip -4 addr flush dev eth0");
        let livekit = network.livekit(at(SERVER_V6)).await;
        for (selector, path) in [("", Path::Udp), ("ipproto udp", Path::Tcp)] {
            if !selector.is_empty() {
                network.block(selector);
            }
            let pair = Pair::join(&network, &livekit, Paths::ALL).await;
            assert_eq!(pair.agent.watch.tried().path, Some(path));
            pair.end().await;
        }
    });
}

/// The second interface leads nowhere, and disappears during the call.
#[test]
fn an_interface_that_leads_nowhere_changes_nothing() {
    apart(|network| async move {
        network.on_client(
            "ip link add eth1 type veth peer name eth1-end; ip link set eth1-end up; ip link set eth1 up
             ip addr add 10.99.0.1/24 dev eth1",
        );
        let livekit = network.livekit(at(SERVER)).await;
        let pair = Pair::join(&network, &livekit, Paths::ALL).await;
        let begin = Instant::now();
        network.on_client("ip link del eth1");
        sleep(Duration::from_secs(3)).await;
        network.on_client(
            "ip link add eth2 type veth peer name eth2-end; ip link set eth2-end up; ip link set eth2 up
             ip addr add 10.98.0.1/24 dev eth2",
        );
        sleep(Duration::from_secs(3)).await;
        let lived = pair.end().await;
        for (who, talker) in [("agent", &lived.agent), ("caller", &lived.caller)] {
            let silence = talker.longest_silence(begin);
            assert!(silence < HOLE, "{who}: {silence:?}");
        }
    });
}
