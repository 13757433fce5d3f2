//! The real program, and its log.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use sidetone_testkit::{FakeOpenAi, LiveKitServer};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::control::served;
use crate::support::signal;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_sidetone");

/// `sidetone serve`.
pub struct Served {
    pub address: SocketAddr,
    pub child: Child,
    log: Arc<Mutex<String>>,
    pub data: tempfile::TempDir,
}

impl Served {
    /// Serves calls on `livekit`; `more` overrides the variables.
    pub async fn start(
        livekit: &LiveKitServer,
        provider: &FakeOpenAi,
        more: &[(&str, &str)],
    ) -> Self {
        Self::start_in(served::AGENTS.as_ref(), livekit, provider, more).await
    }

    /// Uses the agents of a folder.
    pub async fn start_in(
        agents: &Path,
        livekit: &LiveKitServer,
        provider: &FakeOpenAi,
        more: &[(&str, &str)],
    ) -> Self {
        let data = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--count-jobs", "--agents"])
            .arg(agents)
            .args(["--bind", &address.to_string()])
            .envs(served::variables(livekit, provider, data.path()))
            .envs(more.iter().copied())
            .env("SIDETONE_END_OF_TURN", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (mut lines, kept) = (
            BufReader::new(child.stderr.take().unwrap()).lines(),
            Arc::clone(&log),
        );
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let served = Self {
            address,
            child,
            log,
            data,
        };
        served::ready(address).await;
        served
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits for the log line about the end of a call, and returns the reason.
    pub async fn end_of_call(&self) -> String {
        for _ in 0..600 {
            if let Some(reason) = end_in(&self.log()) {
                return reason;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no call has ended within 30 s; the log:\n{}", self.log());
    }

    /// Sends it SIGTERM.
    pub fn terminate(&self) {
        signal(self.child.id().unwrap(), "TERM");
    }

    pub async fn call_of(&self, id: &str) -> Value {
        let path = format!("/api/voice/history/{id}");
        served::get(self.address, &path).await.unwrap()
    }

    /// Its peak memory in bytes.
    pub fn most_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(Path::new(&status)).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse::<u64>().unwrap() * 1024
    }
}

/// Why the first call ended that a log tells of.
fn end_in(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("the call ended"))?;
    let reason = line.split("reason=").nth(1)?;
    let reason = reason.trim_start_matches('"').split(['"', ' ']).next()?;
    Some(reason.to_owned())
}
