//! `serve` in a separate process that reports what it holds: this test program, started again.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use livekit::webrtc::peer_connection::held;
use sidetone_config::env::Env;
use tokio_util::sync::CancellationToken;

use super::figures::Held;
use crate::control::served;
use crate::heap;

/// The address where the process serves; without it the process is not a server.
const BIND: &str = "SOAK_BIND";
const LOG: &str = "SOAK_LOG";
const AGENTS: &str = "SOAK_AGENTS";
/// The prefix of its answers, because the test harness prints lines, too.
const ANSWER: &str = "held ";

/// The process. Dropping it kills it.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it at an address; it writes its log to a file.
    pub async fn start(
        address: SocketAddr,
        agents: &Path,
        variables: Vec<(&'static str, String)>,
        log: &Path,
    ) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "soak::server::serves",
                "--ignored",
                "--nocapture",
            ])
            .envs(variables)
            .env(BIND, address.to_string())
            .env(AGENTS, agents)
            .env(LOG, log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let server = Self {
            address,
            child,
            orders,
            answers,
        };
        served::ready(address).await;
        server
    }

    /// What it has computed so far (proc_pid_stat(5): utime, stime).
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit(')').next().unwrap().split_whitespace();
        let ticks = fields
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().unwrap());
        // The kernel reports a hundred ticks per second to user programs on all common machines.
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// What it holds now.
    pub fn held(&mut self) -> Held {
        writeln!(self.orders).unwrap();
        let mut line = String::new();
        let said = loop {
            line.clear();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "it is gone");
            if let Some(said) = line.trim().strip_prefix(ANSWER) {
                break said;
            }
        };
        let mut numbers = said.split(' ').map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        let (heap, tasks, connections) = (next(), next(), next());
        let process = Path::new("/proc").join(self.child.id().to_string());
        let status = std::fs::read_to_string(process.join("status")).unwrap();
        let line_of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.unwrap().split_whitespace().next().unwrap();
            number.parse::<usize>().unwrap()
        };
        Held {
            heap,
            resident: line_of("VmRSS:") * 1024,
            tasks,
            threads: line_of("Threads:"),
            files: std::fs::read_dir(process.join("fd")).unwrap().count(),
            connections,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that is free.
pub fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap()
}

/// Not a test, but the server of [`Server`]: serves, and answers each line with what it holds.
#[test]
#[ignore = "started by the soak"]
fn serves() {
    let Ok(bind) = std::env::var(BIND) else {
        return;
    };
    let log = File::create(std::env::var(LOG).unwrap()).unwrap();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(Mutex::new(log))
        .init();
    sidetone::tls::prepare().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let env = Env::from_lookup(|name| std::env::var(name).ok()).unwrap();
    let agents = std::env::var(AGENTS).unwrap().into();
    let stop = CancellationToken::new();
    let serving = runtime.spawn({
        let stop = stop.clone();
        async move {
            let listener = tokio::net::TcpListener::bind(bind).await.unwrap();
            served::run(env, agents, listener, stop).await
        }
    });
    for line in std::io::stdin().lines() {
        if line.is_err() || serving.is_finished() {
            break;
        }
        let tasks = runtime.metrics().num_alive_tasks();
        println!("{ANSWER}{} {tasks} {}", heap::bytes(), held());
    }
    stop.cancel();
    runtime.block_on(serving).unwrap().unwrap();
}
