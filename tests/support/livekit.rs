//! A real livekit-server on free ports of loopback, stopped by its process id on drop.

use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use sidetone::config::env::{LiveKit, Secret};

pub const KEY: &str = "APItest";
pub const SECRET: &str = "a-secret-of-at-least-thirty-two-characters";

pub struct LiveKitServer {
    process: Child,
    port: u16,
    config: PathBuf,
}

fn free_tcp() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn free_udp() -> u16 {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("LIVEKIT_SERVER") {
        return path.into();
    }
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let pinned = home.join(".cache/sidetone/tools/livekit-server-1.13.3");
    if pinned.exists() {
        pinned
    } else {
        "livekit-server".into()
    }
}

impl LiveKitServer {
    /// Starts a server that posts its webhooks to `webhook`.
    pub async fn start(webhook: Option<String>) -> Self {
        let port = free_tcp();
        let mut config = format!(
            "port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{{KEY}: {SECRET}}}\n\
             rtc: {{node_ip: 127.0.0.1, use_external_ip: false, enable_loopback_candidate: true, \
             ips: {{includes: [\"127.0.0.1/32\"]}}, stun_servers: [\"127.0.0.1:9\"], \
             tcp_port: {}, udp_port: {}}}\n\
             room: {{empty_timeout: 10, departure_timeout: 1}}\nlogging: {{level: info}}\n",
            free_tcp(),
            free_udp()
        );
        if let Some(url) = webhook {
            config += &format!("webhook: {{api_key: {KEY}, urls: [\"{url}\"]}}\n");
        }
        let path = std::env::temp_dir().join(format!("sidetone-livekit-{port}.yaml"));
        std::fs::write(&path, config).unwrap();
        let log = std::fs::File::create(path.with_extension("log")).unwrap();
        let process = Command::new(binary())
            .arg("--config")
            .arg(&path)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("livekit-server starts; set LIVEKIT_SERVER to its path");
        let server = Self {
            process,
            port,
            config: path,
        };
        super::eventually("livekit-server listens", 20, || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .ok()
        })
        .await;
        server
    }

    /// All that the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.config.with_extension("log")).unwrap_or_default()
    }

    pub fn credentials(&self) -> LiveKit {
        LiveKit {
            host: format!("ws://127.0.0.1:{}", self.port),
            api_key: KEY.into(),
            api_secret: Secret::new(SECRET),
        }
    }
}

impl Drop for LiveKitServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.config);
        let _ = std::fs::remove_file(self.config.with_extension("log"));
    }
}
