//! A real control plane: `sidetone serve --no-worker`, a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::process::Tree;
use super::{KEY, SECRET};

pub struct Plane {
    child: Child,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Plane {
    /// Starts it with a data folder and, unless its database is in that folder, the address of one; waits until it is
    /// ready.
    pub async fn start(data: &Path, database: Option<&str>, livekit: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        // Another build, for example a release.
        let built = std::env::var_os("SIDETONE_BINARY");
        let built = built.unwrap_or_else(|| env!("CARGO_BIN_EXE_sidetone").into());
        let log = std::fs::File::create(data.join("log")).unwrap();
        let agents = Path::new(env!("CARGO_MANIFEST_DIR")).join("agent-config");
        let mut command = Command::new(built);
        command
            .args([
                "serve",
                "--no-worker",
                "--bind",
                &address.to_string(),
                "--agents",
            ])
            .arg(agents)
            .current_dir(data)
            .env("LIVEKIT_HOST", livekit)
            .env("LIVEKIT_API_KEY", KEY)
            .env("LIVEKIT_API_SECRET", SECRET)
            .env("OPENAI_API_KEY", "sk-bench")
            .env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
            .env("SIDETONE_JWT_SECRET", SECRET)
            .env("SIDETONE_DATA_DIR", data)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        match database {
            Some(url) => command.env("DATABASE_URL", url),
            None => command.env_remove("DATABASE_URL"),
        };
        let mut plane = Self {
            child: command.spawn().unwrap(),
            address,
            client: reqwest::Client::new(),
        };
        plane.ready(data).await;
        plane
    }

    async fn ready(&mut self, data: &Path) {
        for _ in 0..600 {
            let asked = self.client.get(format!("http://{}/healthz", self.address));
            if asked
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            if self.child.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = std::fs::read_to_string(data.join("log")).unwrap_or_default();
        panic!("the control plane did not start:\n{log}");
    }

    /// Posts an event; whether it was taken.
    pub async fn post(&self, body: String, signature: &str) -> bool {
        let posted = self
            .client
            .post(format!("http://{}/api/voice/webhook", self.address))
            .header("content-type", "application/webhook+json")
            .header("authorization", signature)
            .body(body)
            .send()
            .await;
        posted.is_ok_and(|answer| answer.status().is_success())
    }

    /// What it uses.
    pub fn tree(&self) -> Tree {
        Tree::of(self.child.id())
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
