//! A network within this process: a client's machine, a router and a server's machine, each a Linux network namespace.
//! Nothing is installed and nothing outside is touched; it needs root.
//!
//! ```text
//! client 10.77.1.2 ── 10.77.1.1 router 10.77.0.254 ── 10.77.0.1 server
//!        fd77:1::2 ── fd77:1::1        fd77:0::254 ── fd77:0::1
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, ExitStatus};
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::LiveKitServer;
use crate::livekit_server::Options;

/// The server's IPv4 address.
pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
/// The router's IPv4 address on the server's side.
pub const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 254));
/// The server's IPv6 address.
pub const SERVER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1));

/// A namespace, which lasts as long as this value or a thread in it.
struct Machine(File);

impl Machine {
    /// `None` if namespaces are not allowed.
    fn new() -> Option<Self> {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).ok()?;
            Some(Self(File::open("/proc/thread-self/ns/net").unwrap()))
        });
        made.join().unwrap()
    }

    /// Moves the calling thread, and everything it starts, to this machine.
    fn enter(&self) {
        setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
    }

    /// Runs a shell script.
    fn run(&self, script: &str) {
        let ended = self.shell(script);
        assert!(ended.success(), "{script}: {ended}");
    }

    /// Whether a command succeeds.
    fn can(&self, script: &str) -> bool {
        self.shell(&format!("{script} >/dev/null 2>&1")).success()
    }

    fn shell(&self, script: &str) -> ExitStatus {
        thread::scope(|scope| {
            let shell = scope.spawn(|| {
                self.enter();
                Command::new("sh").args(["-ec", script]).status().unwrap()
            });
            shell.join().unwrap()
        })
    }
}

/// The three machines. A test's future runs on the client's.
pub struct Network {
    client: Machine,
    router: Machine,
    server: Machine,
}

/// Runs a test on the client's machine of a new network. If namespaces are not allowed, it says so and runs nothing.
pub fn apart<F: Future<Output = ()>>(test: impl FnOnce(Network) -> F + Send) {
    let machines = [(); 3].map(|()| Machine::new());
    let [Some(client), Some(router), Some(server)] = machines else {
        eprintln!("SKIPPED: network namespaces are not allowed here; run this test as root");
        return;
    };
    let network = Network {
        client,
        router,
        server,
    };
    network.wire();
    thread::scope(|scope| {
        scope.spawn(|| {
            network.client.enter();
            let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(test(network));
        });
    });
}

impl Network {
    fn wire(&self) {
        let pipe = |machine: &Machine, near: &str, far: &str, other: &Machine| {
            // iproute2 identifies a namespace by a process id or a file.
            use std::os::fd::AsRawFd as _;
            let file = format!("/proc/{}/fd/{}", std::process::id(), other.0.as_raw_fd());
            machine.run(&format!(
                "ip link add {near} type veth peer name {far} netns {file}"
            ));
        };
        pipe(&self.client, "eth0", "client0", &self.router);
        pipe(&self.server, "eth0", "server0", &self.router);
        self.router.run(
            "ip link set lo up; ip link set client0 up; ip link set server0 up
             ip addr add 10.77.1.1/24 dev client0; ip addr add 10.77.0.254/24 dev server0
             ip addr add fd77:1::1/64 dev client0 nodad; ip addr add fd77::254/64 dev server0 nodad
             echo 1 > /proc/sys/net/ipv4/ip_forward
             echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
        );
        self.server.run(
            "ip link set lo up; ip link set eth0 up
             ip addr add 10.77.0.1/24 dev eth0; ip route add default via 10.77.0.254
             ip addr add fd77::1/64 dev eth0 nodad; ip route add default via fd77::254",
        );
        self.client.run(
            "ip link set lo up; ip link set eth0 up
             ip addr add 10.77.1.2/24 dev eth0; ip route add default via 10.77.1.1
             ip addr add fd77:1::2/64 dev eth0 nodad; ip route add default via fd77:1::1",
        );
    }

    /// Runs a shell script on the client's machine.
    pub fn on_client(&self, script: &str) {
        self.client.run(script);
    }

    /// Makes the router silently drop what matches this `ip rule` selector.
    pub fn block(&self, selector: &str) {
        self.rule("add", selector);
    }

    /// Removes a [`block`](Self::block).
    pub fn unblock(&self, selector: &str) {
        self.rule("del", selector);
    }

    fn rule(&self, verb: &str, selector: &str) {
        for family in ["-4", "-6"] {
            self.router.run(&format!(
                "ip {family} rule {verb} pref 10 {selector} blackhole"
            ));
        }
    }

    /// Makes the router a symmetric NAT for the client's IPv4 (RFC 4787: address and port-dependent mapping and
    /// filtering): each destination sees the client at another port of the router, and only what is an answer comes
    /// in. IPv6 is not forwarded any more. Returns `false`, having said so, where netfilter cannot be used.
    #[must_use]
    pub fn translate(&self) -> bool {
        if !self.router.can("nft list tables") {
            eprintln!(
                "SKIPPED: nft is missing or not allowed here; run `scripts/tools.sh nft`, and this test as root"
            );
            return false;
        }
        self.router.run(
            "nft '
             table ip nat {
                 chain out {
                     type nat hook postrouting priority srcnat
                     oifname server0 masquerade fully-random
                 }
             }
             table inet gate {
                 chain through {
                     type filter hook forward priority filter
                     meta nfproto ipv6 drop
                     iifname server0 ct state new,invalid drop
                 }
             }'",
        );
        true
    }

    /// Makes the router's NAT forget whom its ports belong to, as after a restart: what the client sends next comes
    /// from other ports.
    pub fn forget_translations(&self) {
        // Netfilter drops the mappings of an address that goes away.
        self.router
            .run("ip addr del 10.77.0.254/24 dev server0; ip addr add 10.77.0.254/24 dev server0");
    }

    /// Starts a livekit-server on the server's machine.
    pub async fn livekit(&self, options: Options) -> LiveKitServer {
        self.on_server(async move { LiveKitServer::start_with(options).await.unwrap() })
            .await
    }

    /// Runs a future on the server's machine, on its own runtime, and waits for it. Any tasks that it leaves behind end
    /// with it.
    pub fn on_server<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
        &self,
        work: W,
    ) -> impl Future<Output = T> + use<T, W> {
        let machine = Machine(self.server.0.try_clone().unwrap());
        let (done, result) = oneshot::channel();
        let (started, start) = mpsc::sync_channel(1);
        thread::spawn(move || {
            machine.enter();
            started.send(()).ok();
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            // The receiver may be gone.
            done.send(runtime.block_on(work)).ok();
        });
        start.recv().unwrap();
        async move { result.await.unwrap() }
    }
}
