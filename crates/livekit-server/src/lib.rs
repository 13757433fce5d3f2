//! A real livekit-server as a child process, on free loopback ports of its own: the demo and the tests talk to the
//! same server as production does.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The version that `make tools` installs.
const VERSION: &str = "1.13.3";

/// How many times to try other ports when somebody else took one between finding and using it.
const ATTEMPTS: usize = 5;

/// A livekit-server on loopback with a random key. Dropping it stops the server.
#[derive(Debug)]
pub struct LiveKitServer {
    /// For clients: `ws://127.0.0.1:<port>`.
    pub url: String,
    /// For server APIs: `http://127.0.0.1:<port>`.
    pub http_url: String,
    /// The port for media over UDP.
    pub media_port: u16,
    /// The port for media over TCP.
    pub media_tcp_port: u16,
    /// The only key it knows.
    pub api_key: String,
    /// The key's secret, 64 characters.
    pub api_secret: String,
    child: Child,
    folder: PathBuf,
}

/// Settings in which servers may differ.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// URLs to post webhooks to, signed with the server's key.
    pub webhook_urls: Vec<String>,
    /// Whether media goes over TCP only.
    pub force_tcp: bool,
    /// Whether the server uses ICE lite: it does not probe paths to its clients itself.
    pub ice_lite: bool,
    /// How long an empty room stays open. `None` for the server's own default (300 s).
    pub empty_timeout: Option<Duration>,
    /// How long a room stays open after the last participant left. `None` for the server's default (20 s).
    pub departure_timeout: Option<Duration>,
    /// `host:port` of a Redis, for several nodes or egress.
    pub redis: Option<String>,
    /// A key and secret to use instead of random ones, as two nodes must share theirs.
    pub key: Option<(String, String)>,
    /// The address of this machine at which the server is reached. `None` for loopback.
    pub address: Option<IpAddr>,
    /// Its own TURN server.
    pub turn: Option<Turn>,
}

/// A TURN server built into livekit-server, which relays to the server's own address.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The port for UDP.
    pub udp_port: Option<u16>,
    /// Certificate and key in PEM, for the server's address. TLS is on port 443: the server announces no other to its
    /// clients.
    pub tls: Option<(String, String)>,
}

impl LiveKitServer {
    /// Starts a server with default options and waits until it is healthy.
    ///
    /// # Errors
    /// There is no livekit-server (the message says how to get it), or it does not start; the message then contains
    /// the end of its log.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts a server and waits until it is healthy.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(options: Options) -> anyhow::Result<Self> {
        let binary = find_binary()?;
        let mut attempt = 1;
        loop {
            let mut server = Self::spawn(&binary, &options)?;
            match server.wait_until_healthy().await {
                Ok(()) => return Ok(server),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    fn spawn(binary: &Path, options: &Options) -> anyhow::Result<Self> {
        let address = options.address.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let [signal, rtc_tcp] = free_tcp_ports(address)?;
        let udp = UdpSocket::bind((address, 0))?.local_addr()?.port();
        let (api_key, api_secret) = options.key.clone().unwrap_or_else(random_key);
        let folder = std::env::temp_dir().join(format!("sidetone-livekit-{}", random()));
        // It contains the keys.
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let mut config = config(
            options,
            address,
            [signal, rtc_tcp, udp],
            &api_key,
            &api_secret,
        );
        if let Some(turn) = &options.turn {
            config["turn"] = turn_config(turn, address, &folder)?;
        }
        let config = config.to_string(); // JSON is YAML
        fs::write(folder.join(CONFIG), config)?;
        let child = launch(binary, &folder)?;
        Ok(Self {
            url: format!("ws://{}", SocketAddr::new(address, signal)),
            http_url: format!("http://{}", SocketAddr::new(address, signal)),
            media_port: udp,
            media_tcp_port: rtc_tcp,
            api_key,
            api_secret,
            child,
            folder,
        })
    }

    async fn wait_until_healthy(&mut self) -> anyhow::Result<()> {
        for _ in 0..300 {
            if let Some(status) = self.child.try_wait()? {
                bail!("livekit-server ended with {status}:\n{}", self.log_tail());
            }
            // A server that lost the race for its port ends immediately: if it is healthy and still running, the
            // answer came from this server.
            if timeout(Duration::from_secs(1), self.is_healthy()).await == Ok(true)
                && self.child.try_wait()?.is_none()
            {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!(
            "livekit-server is not healthy after 15 s:\n{}",
            self.log_tail()
        )
    }

    async fn is_healthy(&self) -> bool {
        let address = self.http_url.trim_start_matches("http://");
        let Ok(mut stream) = TcpStream::connect(address).await else {
            return false;
        };
        let request = format!("GET / HTTP/1.0\r\nHost: {address}\r\n\r\n");
        let mut answer = String::new();
        stream.write_all(request.as_bytes()).await.is_ok()
            && stream.read_to_string(&mut answer).await.is_ok()
            && answer
                .lines()
                .next()
                .is_some_and(|status| status.contains(" 200 "))
    }

    /// Its log so far, which contains rooms and identities, but no secrets of other systems.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Kills the server and starts another with the same ports and keys: its rooms are gone, as after a crash.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn restart(&mut self, down_for: Duration) -> anyhow::Result<()> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        sleep(down_for).await;
        let binary = find_binary()?;
        self.child = launch(&binary, &self.folder)?;
        self.wait_until_healthy().await
    }
}

impl Drop for LiveKitServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "the end of livekit-server's log ({}):",
                self.folder.display()
            );
            eprintln!("{}", self.log_tail());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The server's configuration file in its folder.
const CONFIG: &str = "config.yaml";

/// Starts the program with the folder's configuration; its log is appended to a file there.
fn launch(binary: &Path, folder: &Path) -> anyhow::Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))?;
    Command::new(binary)
        .arg("--config")
        .arg(folder.join(CONFIG))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("{} does not start", binary.display()))
}

/// One address only, and nobody else's STUN server: without `stun_servers` the server announces Google's to its
/// clients.
fn config(
    options: &Options,
    address: IpAddr,
    [signal, rtc_tcp, udp]: [u16; 3],
    api_key: &str,
    api_secret: &str,
) -> serde_json::Value {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let mut config = serde_json::json!({
        "port": signal,
        "bind_addresses": [address],
        "rtc": {
            "tcp_port": rtc_tcp,
            "udp_port": udp,
            "node_ip": address,
            "use_external_ip": false,
            "enable_loopback_candidate": address.is_loopback(),
            "ips": { "includes": [format!("{address}/{bits}")] },
            "stun_servers": [SocketAddr::new(address, udp)],
            "force_tcp": options.force_tcp,
            "use_ice_lite": options.ice_lite,
        },
        "keys": { api_key: api_secret },
        "logging": { "level": "info", "pion_level": "error" },
        "room": {},
    });
    if !options.webhook_urls.is_empty() {
        config["webhook"] = serde_json::json!({ "api_key": api_key, "urls": options.webhook_urls });
    }
    if let Some(limit) = options.empty_timeout {
        config["room"]["empty_timeout"] = limit.as_secs().into();
    }
    if let Some(limit) = options.departure_timeout {
        config["room"]["departure_timeout"] = limit.as_secs().into();
    }
    if let Some(address) = &options.redis {
        config["redis"] = serde_json::json!({ "address": address });
    }
    config
}

fn turn_config(turn: &Turn, address: IpAddr, folder: &Path) -> anyhow::Result<serde_json::Value> {
    let mut config = serde_json::json!({
        "enabled": true,
        "domain": address.to_string(),
        "bind_addresses": [address],
        // Otherwise private addresses are refused, and the server's own is one.
        "allow_restricted_peer_cidrs": ["0.0.0.0/0", "::/0"],
    });
    if let Some(port) = turn.udp_port {
        config["udp_port"] = port.into();
    }
    if let Some((certificate, key)) = &turn.tls {
        let (certificate_file, key_file) = (folder.join("turn.pem"), folder.join("turn-key.pem"));
        fs::write(&certificate_file, certificate)?;
        fs::write(&key_file, key)?;
        config["tls_port"] = 443.into();
        config["cert_file"] = certificate_file.display().to_string().into();
        config["key_file"] = key_file.display().to_string().into();
    }
    Ok(config)
}

/// Both ports are held until both are found, so that they differ.
fn free_tcp_ports(address: IpAddr) -> anyhow::Result<[u16; 2]> {
    let a = TcpListener::bind((address, 0))?;
    let b = TcpListener::bind((address, 0))?;
    Ok([a.local_addr()?.port(), b.local_addr()?.port()])
}

fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn random_key() -> (String, String) {
    (format!("API{}", &random()[..12]), random() + &random())
}

/// `LIVEKIT_SERVER_BIN`, or else `livekit-server` on the PATH, or else the one that `make tools` installed.
fn find_binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("LIVEKIT_SERVER_BIN") {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Ok(path);
        }
        bail!(
            "LIVEKIT_SERVER_BIN is {}, but there is no such file; correct or unset it",
            path.display()
        );
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let installed = cache.map(|folder| {
        folder
            .join("sidetone/tools")
            .join(format!("livekit-server-{VERSION}"))
    });
    std::env::split_paths(&on_path)
        .map(|folder| folder.join("livekit-server"))
        .chain(installed)
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "no livekit-server found: run `make tools`, which installs {VERSION}, \
                 put one on the PATH, or set LIVEKIT_SERVER_BIN to its path"
            )
        })
}

#[cfg(test)]
mod tests;
